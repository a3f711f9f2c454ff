package verbs

import (
	"strconv"
	"time"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

const (
	// DefaultNotificationLife is how long a notification is kept for its recipient
	// unless asked otherwise.
	DefaultNotificationLife = 15 * time.Minute

	maxNotificationLife = 8 * 24 * time.Hour
	maxEphemeralLife    = 2 * time.Minute
)

// subject is the key that rights to a notification are judged by. Text, and what is
// no name of a record, is in no namespace.
func subject(typed string, isText bool, self atkey.Sign) atkey.Key {
	if k, err := atkey.Parse(typed); err == nil && !isText {
		return k
	}
	return atkey.Key{Scope: atkey.Self, Name: "text", Owner: self}
}

// toSee is what somebody needs to be told of a notification. Requests to be let in
// are for managers: what manages rights is no data.
func toSee(n store.Notification, self atkey.Sign) enroll.Need {
	k := subject(n.Key, n.Text, self)
	if k.In(enroll.Manage) {
		return enroll.ToManage(enroll.Read)
	}
	return enroll.ToRead(k)
}

// told returns which notifications somebody may be told of in a list, for one
// moment: ask anew for each. Of public keys an app is told those of its own
// namespaces.
func (e *Env) told(p enroll.Principal) func(store.Notification) bool {
	visible := e.Registry.Synced(p)
	manages := e.Registry.Authorize(p, enroll.ToManage(enroll.Read)) == nil
	return func(n store.Notification) bool {
		k := subject(n.Key, n.Text, e.Sign)
		if k.In(enroll.Manage) {
			return manages
		}
		return visible(k)
	}
}

// AppendNotification renders a notification as lists and monitors tell it.
func AppendNotification(b []byte, n store.Notification) []byte {
	o := object{b: append(b, '{')}
	o.always("id", n.ID)
	o.always("from", string(n.From))
	o.always("to", string(n.To))
	o.always("key", n.Key)
	if n.Value == nil {
		o.json("value", null)
	} else {
		o.always("value", string(n.Value))
	}
	o.always("operation", operations[n.Op])
	at := n.At.UnixMilli()
	o.number("epochMillis", &at)
	o.always("messageType", messageType(n))
	o.truth("isEncrypted", orFalse(notificationMeta(n).IsEncrypted))
	o.b = appendNotificationMeta(o.name("metadata"), n)
	return append(o.b, '}')
}

var (
	null       = []byte("null")
	operations = map[store.NotificationOp]string{store.NotifyUpdate: "update", store.NotifyDelete: "delete"}
)

func messageType(n store.Notification) string {
	if n.Text {
		return "MessageType.text"
	}
	return "MessageType.key"
}

func notificationMeta(n store.Notification) store.Meta {
	if n.Meta == nil {
		return store.Meta{}
	}
	return *n.Meta
}

// appendNotificationMeta renders metadata with all its members: here clients want
// null for what is not set.
func appendNotificationMeta(b []byte, n store.Notification) []byte {
	m := notificationMeta(n)
	o := object{b: append(b, '{')}
	o.numberOrNull("ttr", m.TTR)
	o.numberOrNull("ttl", m.TTL)
	o.numberOrNull("ttb", m.TTB)
	o.textOrNull("sharedKeyEnc", m.SharedKeyEnc)
	o.textOrNull("pubKeyCS", m.PubKeyCS)
	o.textOrNull("dataSignature", m.DataSignature)
	o.textOrNull("encKeyName", m.EncKeyName)
	o.textOrNull("encAlgo", m.EncAlgo)
	o.textOrNull("ivNonce", m.IVNonce)
	o.textOrNull("skeEncKeyName", m.SkeEncKeyName)
	o.textOrNull("skeEncAlgo", m.SkeEncAlgo)
	switch {
	case n.Meta == nil:
		o.json("availableAt", null)
	case !m.AvailableAt.IsZero():
		o.time("availableAt", m.AvailableAt)
	case m.TTB != nil && *m.TTB > 0:
		o.time("availableAt", after(n.At, *m.TTB))
	default:
		o.always("availableAt", "null")
	}
	switch {
	case !m.ExpiresAt.IsZero():
		o.time("expiresAt", m.ExpiresAt)
	case m.TTL != nil && *m.TTL > 0:
		o.time("expiresAt", after(n.At, *m.TTL))
	default:
		o.time("expiresAt", n.Expires)
	}
	if m.PubKeyHash == "" {
		o.json("pubKeyHash", null)
	} else {
		hash := object{b: []byte{'{'}}
		hash.text("hash", m.PubKeyHash)
		hash.text("hashingAlgo", m.HashingAlgo)
		o.always("pubKeyHash", string(append(hash.b, '}')))
	}
	if len(m.AppMetadata) == 0 {
		o.json("appMetadata", null)
	} else {
		o.json("appMetadata", m.AppMetadata)
	}
	return append(o.b, '}')
}

// always is text that is there when it is empty, too.
func (o *object) always(name, value string) { o.b = wire.AppendString(o.name(name), value) }

func (o *object) textOrNull(name, value string) {
	if value == "" {
		o.json(name, null)
		return
	}
	o.always(name, value)
}

func (o *object) numberOrNull(name string, n *int64) {
	if n == nil {
		o.json(name, null)
		return
	}
	o.b = strconv.AppendInt(o.name(name), *n, 10)
}
