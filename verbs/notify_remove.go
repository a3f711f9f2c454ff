package verbs

import (
	"errors"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// notifyRemove forgets a notification, and sends it no more if it waits:
// "notify:remove:id". One that is not there is no error.
var notifyRemove = define(
	Verb{Name: "notify:remove", Usage: "e.g. notify:remove:75037ac4-386d-4280-a9c3-eff3a7c8b8ae", Who: enroll.App, Act: "remove notify"},
	(*line).notificationID,
	nothing[string], // it is asked once the notification is found
	func(c *Call, id string) (Reply, error) {
		err := c.DB.Update(func(tx *store.Tx) error {
			n, err := tx.Notification(id)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err == nil {
				err = c.Registry.Authorize(c.Principal, toRemove(n, c.Env.Sign))
			}
			if err != nil {
				return err
			}
			return tx.RemoveNotification(n)
		})
		return text("success"), err
	},
)

// toRemove is what somebody needs to have the server forget a notification.
func toRemove(n store.Notification, self atkey.Sign) enroll.Need {
	k := subject(n.Key, n.Text, self)
	if k.In(enroll.Manage) {
		return enroll.ToManage(enroll.ReadWrite)
	}
	return enroll.ToWrite(k)
}
