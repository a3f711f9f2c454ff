package verbs

import (
	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// recipient and owner fold the atSigns of a notification.
func (a notifyArgs) signs(sender atkey.Sign) (to, owner atkey.Sign, err error) {
	if to, err = atkey.ParseSign(a.target); err != nil {
		return "", "", err
	}
	if owner = sender; a.owner != "" {
		owner, err = atkey.ParseSign(a.owner)
	}
	return to, owner, err
}

// send is notify by the owner's apps. It is answered once the notification is
// kept: it is delivered later.
func (a notifyArgs) send(c *Call) (Reply, error) {
	to, owner, err := a.signs(c.Env.Sign)
	if err != nil {
		return Reply{}, err
	}
	if owner != c.Env.Sign {
		return Reply{}, foreignSender(owner, c.Env.Sign)
	}
	if a.id == "" {
		a.id = enroll.NewID()
	}
	return text(a.id), c.DB.Update(func(tx *store.Tx) error {
		n := a.record(c, tx, c.Env.Sign, to)
		if a.expires != nil && n.Life == 0 {
			return nil // over before it began
		}
		return enqueue(tx, n, c.Env.Sign)
	})
}

// enqueue keeps a notification of the owner's: for another atSign it waits to be
// sent, for the owner it has arrived.
func enqueue(tx *store.Tx, n store.Notification, self atkey.Sign) error {
	if n.Type = store.Sent; n.To == self {
		n.Type, n.Status = store.Received, store.Delivered
	}
	if n.Type == store.Sent && n.Latest {
		if err := tx.TrimQueue(n); err != nil {
			return err
		}
	}
	return tx.Enqueue(&n)
}
