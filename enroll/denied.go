package enroll

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"atserver/store"
)

// Denied puts a refusal on record. Keys are named by reference only: the audit
// trail may be shown to people who may not know what a record is called.
func (r *Registry) Denied(refusal *Refusal, verb, from string) error {
	event := store.Event{
		Actor: refusal.Principal.Actor(), Action: verb, Outcome: "deny", From: from,
	}
	if key := refusal.Need.key; key.Name != "" {
		mac := hmac.New(sha256.New, r.refKey[:])
		mac.Write([]byte(key.String()))
		event.Target = "ref:" + hex.EncodeToString(mac.Sum(nil)[:16])
		event.Detail = map[string]string{"namespace": key.Namespace()}
	}
	return r.db.Update(func(tx *store.Tx) error { return tx.Audit(event) })
}
