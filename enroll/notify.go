package enroll

import (
	"encoding/json"
	"fmt"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// noticeLife is how long the owner's apps are told of something that happened
// while they were away.
const noticeLife = 24 * time.Hour

// notifyRequest tells the owner's apps that somebody asks to be let in.
func (c *change) notifyRequest(e *Enrollment) error {
	value, err := json.Marshal(struct {
		Key       string `json:"encryptedApkamSymmetricKey"`
		SameKey   string `json:"encryptedAPKAMSymmetricKey"`
		App       string `json:"appName"`
		Device    string `json:"deviceName"`
		Namespace Grants `json:"namespace"`
	}{e.SymmetricKey, e.SymmetricKey, e.App, e.Device, e.Grants})
	if err != nil {
		return fmt.Errorf("encoding a notification: %w", err)
	}
	return notify(c.Tx, c.sign, e.ID+".new.enrollments."+Manage+string(c.sign), value)
}

// notifyVoid tells the owner's apps that somebody guessed passcodes, so that those
// that were given out are good no more.
func (r *Registry) notifyVoid(tx *store.Tx) error {
	return NotifyEvent(tx, r.sign, tx.Now().UnixMicro(), []byte(`{"category":"atProtocol","name":"otp_voided","data":{}}`))
}

// NotifyEvent tells the owner's apps of something that the server met, in the
// namespace that it alone writes and all of them read. at tells events apart.
func NotifyEvent(tx *store.Tx, sign atkey.Sign, at int64, event []byte) error {
	return notify(tx, sign, fmt.Sprintf("%s:%d.events.%s%s", sign, at, serverEvents, sign), event)
}

func notify(tx *store.Tx, sign atkey.Sign, key string, value []byte) error {
	return tx.Enqueue(&store.Notification{
		ID: NewID(), From: sign, To: sign, Key: key, Type: store.Internal, Status: store.Delivered, Op: store.NotifyUpdate,
		Priority: store.Low, Retries: 1, Depth: 1, Notifier: "system", Life: noticeLife, Expires: tx.Now().Add(noticeLife), Value: value,
	})
}
