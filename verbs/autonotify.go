package verbs

import (
	"time"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// autoNotify tells the atSign that a record is shared with what became of it, in
// the transaction that changed it. A name of one letter no server takes in a
// notification.
func (c *Call) autoNotify(tx *store.Tx, n store.Notification, k atkey.Key, life time.Duration) error {
	if k.Scope != atkey.Shared || k.Cached || k.Owner != c.Env.Sign || k.SharedWith == c.Env.Sign || len(k.Name) < 2 || !c.Settings.isOn(settingAutoNotify) {
		return nil
	}
	n.ID, n.From, n.To, n.Key, n.Type = enroll.NewID(), c.Env.Sign, k.SharedWith, k.String(), store.Sent
	n.Retries, n.Depth, n.Notifier, n.Life, n.Expires = 1, 1, "system", life, tx.Now().Add(life)
	return tx.Enqueue(&n)
}

// notifyWrite tells of a record that was written. Of one whose metadata alone
// changed the value is not told.
func (c *Call) notifyWrite(tx *store.Tx, r store.Record, keep bool) error {
	n := store.Notification{Op: store.NotifyUpdate, Priority: store.Low, Meta: new(r.Meta)}
	if !keep {
		n.Value = r.Value
	}
	n.Meta.DataSignature, n.Meta.Encoding, n.Meta.IsBinary = "", "", nil // these do not travel
	n.Meta.RefreshAt = time.Time{}
	return c.autoNotify(tx, n, r.Key, c.NotificationLife)
}

// notifyDelete tells of a record that was deleted, at a time that the client told,
// if it told one.
func (c *Call) notifyDelete(tx *store.Tx, k atkey.Key, at time.Time, priority store.Priority) error {
	n := store.Notification{Op: store.NotifyDelete, Priority: priority}
	if !at.IsZero() {
		n.Meta = &store.Meta{UpdatedAt: at}
	}
	return c.autoNotify(tx, n, k, DefaultNotificationLife)
}
