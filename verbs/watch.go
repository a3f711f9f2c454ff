package verbs

import (
	"strconv"
	"time"

	"atserver/store"
)

// Watch is what the client of a monitor wants to be told. Rights are asked at each
// delivery. It belongs to the goroutine that tells.
type Watch struct {
	Since       *time.Time // tell first of what came after it; nil: nothing of the past
	Multiplexed bool       // tell nothing while a command is under way

	strict   bool // the pattern is for figures, too
	internal bool // tell of what comes from this server
	match    *matcher
	call     *Call // of a session of its own: that of the connection goes on
}

// Wants tells whether the client is to be told of a notification.
func (w *Watch) Wants(n store.Notification) bool {
	if n.Type != store.Received && !(w.internal && n.Type == store.Internal) || n.Expired(w.call.Now()) || !w.call.Env.told(w.call.Principal)(n) {
		return false
	}
	w.match.spent = 0
	ok, err := w.match.tells(n)
	return ok && err == nil
}

// AppendStats appends the line that tells the client of the newest change that it
// may sync. It is told now and then, so that both sides know that the other is
// there, and of each change at once. Nothing is appended if the client is not to
// be told.
func (w *Watch) AppendStats(b []byte, changed *store.Change) ([]byte, error) {
	if !w.wantsStats() || w.call.Registry.Check(w.call.Principal) != nil {
		return b, nil
	}
	c := store.Change{ID: -1}
	if changed != nil {
		if c = *changed; !w.call.Registry.Synced(w.call.Principal)(c.Key) {
			return b, nil
		}
	} else {
		log, err := w.call.changes("")
		if err == nil {
			err = w.call.DB.View(func(tx *store.Tx) (err error) {
				c.ID, err = log.last(tx)
				return err
			})
		}
		if err != nil {
			return b, err
		}
	}
	operation := operations[store.NotifyUpdate]
	if c.Deleted {
		operation = operations[store.NotifyDelete]
	}
	self, now := string(w.call.Env.Sign), w.call.Now().UnixMilli()
	o := object{b: append(b, "notification: {"...)}
	o.always("id", "-1")
	o.always("from", self)
	o.always("to", self)
	o.always("key", statsKey+self)
	o.always("value", strconv.FormatInt(c.ID, 10))
	o.always("operation", operation)
	o.number("epochMillis", &now)
	o.always("messageType", "MessageType.key")
	o.b = append(o.b, `,"isEncrypted":false,"metadata":null}`...)
	return append(o.b, '\n'), nil
}

const statsKey = "statsNotification."

// wantsStats tells whether a strict monitor's pattern lets figures through.
func (w *Watch) wantsStats() bool {
	if !w.strict {
		return true
	}
	w.match.spent = 0
	ok, err := w.match.matches(statsKey + string(w.call.Env.Sign))
	return ok && err == nil
}

// AppendNotificationLine appends the line by which monitors tell of a notification.
func AppendNotificationLine(b []byte, n store.Notification) []byte {
	return append(AppendNotification(append(b, "notification: "...), n), '\n')
}
