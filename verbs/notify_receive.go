package verbs

import (
	"bytes"
	"errors"
	"fmt"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// receive is notify by another atSign's server. It speaks for that atSign alone,
// and to this one alone.
func (a notifyArgs) receive(c *Call) (Reply, error) {
	from := c.Principal.Sign
	to, owner, err := a.signs(from)
	switch {
	case err != nil:
		return Reply{}, err
	case owner != from:
		return Reply{}, foreignSender(owner, from)
	case to != c.Env.Sign:
		return Reply{}, notAllowed(fmt.Sprintf("notifications for %s are not for %s", to, c.Env.Sign))
	case enroll.ServerWrites(subject(a.name(from), a.text, c.Env.Sign)):
		return Reply{}, notAllowed("nobody but the server notifies in this namespace")
	case a.meta.fault != nil:
		return Reply{}, a.meta.fault
	}
	err = c.DB.Update(func(tx *store.Tx) error {
		n := a.record(c, tx, from, to)
		n.Type, n.Status = store.Received, store.Delivered
		if a.text {
			n.Meta = &store.Meta{CreatedBy: c.Env.Sign, IsEncrypted: n.Meta.IsEncrypted}
		}
		if a.expires != nil && n.Life == 0 {
			return nil
		}
		if again, err := isRepeated(tx, n); err != nil || again {
			return err
		}
		if err := c.checkNotification(tx, n); err != nil {
			return err
		}
		if err := tx.Enqueue(&n); err != nil {
			return err
		}
		return a.cache(c, tx, n)
	})
	return text("success"), err
}

// isRepeated tells whether a notification has come before, and the sender did not
// learn that it had. at_python gives all notifications of a process one id, so
// that the id alone says little.
func isRepeated(tx *store.Tx, n store.Notification) (bool, error) {
	old, err := tx.NotificationFrom(n.ID, n.From)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = tx.LoadNotification(&old)
	}
	return err == nil && !old.Expired(tx.Now()) && old.Key == n.Key && old.Op == n.Op &&
		(old.Value == nil) == (n.Value == nil) && bytes.Equal(old.Value, n.Value), err
}

// cache brings the copy of the sender's record up to date, as far as the sender
// allows one.
func (a notifyArgs) cache(c *Call, tx *store.Tx, n store.Notification) error {
	if a.text || n.Ephemeral || n.Op == store.NotifyUpdate && a.meta.ttr == nil {
		return nil
	}
	k, err := atkey.Parse("cached:" + n.Key)
	if err != nil || k.Owner != n.From {
		return invalidKey("the notification's key is not the name of a record")
	}
	if length := k.Length(); length > k.MaxLength() {
		return invalidKey(fmt.Sprintf("notification key length %d is greater than %d chars", length, k.MaxLength()))
	}
	if isPublicKey(k) { // which is learned by asking for it
		return nil
	}
	old, err := current(tx, k)
	if err != nil {
		return err
	}
	by := string(n.From)
	if n.Op == store.NotifyDelete {
		if old == nil || old.Meta.CCD == nil || !*old.Meta.CCD {
			return nil
		}
		_, _, err := tx.Delete(k, store.OpDelete, by)
		return err
	}
	r, op := store.Record{Key: k, Value: n.Value}, store.OpUpdateAll
	if a.value == nil {
		if old == nil {
			return nil
		}
		r, op = *old, store.OpUpdateMeta
	}
	f := a.kept()
	f.isEncrypted = a.encrypted()
	r.Meta = f.merge(carriedOver(old), c.Env.Sign, tx.Now())
	return c.putCopy(tx, r, op, by)
}

// carriedOver is what a copy keeps of the one before: when it came, how often it
// changed, how long it is good. All else is as the sender says now.
func carriedOver(old *store.Record) *store.Meta {
	if old == nil {
		return nil
	}
	m := old.Meta
	return &store.Meta{
		CreatedBy: m.CreatedBy, CreatedAt: m.CreatedAt, Version: m.Version,
		AvailableAt: m.AvailableAt, ExpiresAt: m.ExpiresAt, TTL: m.TTL, TTB: m.TTB, TTR: m.TTR, CCD: m.CCD,
	}
}
