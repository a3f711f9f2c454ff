package verbs

import (
	"errors"
	"strings"
	"unicode"

	"atserver/enroll"
	"atserver/store"
)

// notifyStatus tells how far a notification has come: "notify:status:id".
var notifyStatus = define(
	Verb{Name: "notify:status", Usage: "e.g. notify:status:75037ac4-386d-4280-a9c3-eff3a7c8b8ae", Who: enroll.App, Act: "fetch notify"},
	(*line).notificationID,
	nothing[string], // it is asked once the notification is found
	func(c *Call, id string) (Reply, error) {
		n, found, err := c.notification(id)
		switch {
		case err != nil || !found:
			return text("null"), err
		case n.Expired(c.Now()):
			return text("expired"), nil
		}
		return text(statusWords[n.Status]), nil
	},
)

var statusWords = map[store.NotificationStatus]string{
	store.Queued: "queued", store.Delivered: "delivered", store.Errored: "errored",
}

// notificationID consumes ":id" to the end.
func (l *line) notificationID() (string, error) {
	id, ok := strings.CutPrefix(l.all(), ":")
	if !ok || id == "" || len(id) > maxNotificationID || strings.ContainsFunc(id, unicode.IsSpace) {
		return "", errSyntax
	}
	return id, nil
}

// notification reads the one by an id that the caller may be told of, its value
// left where it is.
func (c *Call) notification(id string) (n store.Notification, found bool, err error) {
	err = c.DB.View(func(tx *store.Tx) (err error) {
		n, err = tx.Notification(id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return n, false, nil
	}
	if err == nil {
		err = c.Registry.Authorize(c.Principal, toSee(n, c.Env.Sign))
	}
	return n, err == nil, err
}
