package verbs

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"atserver/enroll"
	"atserver/store"
)

// notifyFetch tells all that is kept of a notification: "notify:fetch:id". Each
// value is a string.
var notifyFetch = define(
	Verb{Name: "notify:fetch", Usage: "e.g. notify:fetch:75037ac4-386d-4280-a9c3-eff3a7c8b8ae", Who: enroll.App, Act: "fetch notify"},
	(*line).notificationID,
	nothing[string], // it is asked once the notification is found
	func(c *Call, id string) (Reply, error) {
		n, found, err := c.notification(id)
		if err == nil && found {
			if err = c.gather(n.Size()); err == nil {
				err = c.DB.View(func(tx *store.Tx) error { return tx.LoadNotification(&n) })
			}
			if errors.Is(err, store.ErrNotFound) { // removed meanwhile
				found, err = false, nil
			}
		}
		if err != nil {
			return Reply{}, err
		}
		o := object{b: []byte{'{'}}
		o.always("id", id)
		if !found {
			o.always("notificationStatus", "NotificationStatus.expired")
			return Reply{Data: append(o.b, '}')}, nil
		}
		o.fetched(n)
		return Reply{Data: append(o.b, '}')}, nil
	},
)

var (
	typeWords     = map[store.NotificationType]string{store.Sent: "sent", store.Received: "received", store.Internal: "self"}
	priorityWords = map[store.Priority]string{store.Low: "low", store.Medium: "medium", store.High: "high"}
)

func (o *object) fetched(n store.Notification) {
	strategy, value := "all", "null"
	if n.Latest {
		strategy = "latest"
	}
	if n.Value != nil {
		value = string(n.Value)
	}
	o.always("fromAtSign", string(n.From))
	o.time("notificationDateTime", n.At)
	o.always("toAtSign", string(n.To))
	o.always("notification", n.Key)
	o.always("type", "NotificationType."+typeWords[n.Type])
	o.always("opType", "OperationType."+operations[n.Op])
	o.always("messageType", messageType(n))
	o.always("priority", "NotificationPriority."+priorityWords[n.Priority])
	o.always("notificationStatus", "NotificationStatus."+statusWords[n.Status])
	o.always("retryCount", strconv.Itoa(n.Retries))
	o.always("strategy", strategy)
	o.always("depth", strconv.Itoa(n.Depth))
	o.always("notifier", n.Notifier)
	o.time("expiresAt", n.Expires)
	o.always("atValue", value)
	o.always("atMetadata", metaWords(n.Meta))
	o.always("ttl", strconv.FormatInt(n.Life.Milliseconds(), 10))
}

// metaWords spells metadata for people: "{createdBy: @alice, ttl: 0}".
func metaWords(m *store.Meta) string {
	if m == nil {
		return "null"
	}
	var words []string
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+": "+value)
		}
	}
	number := func(name string, n *int64) {
		if n != nil {
			add(name, strconv.FormatInt(*n, 10))
		}
	}
	truth := func(name string, b *bool) {
		if b != nil {
			add(name, strconv.FormatBool(*b))
		}
	}
	when := func(name string, t time.Time) {
		if !t.IsZero() {
			add(name, t.UTC().Format(timeLayout))
		}
	}
	add("createdBy", string(m.CreatedBy))
	when("createdAt", m.CreatedAt)
	when("updatedAt", m.UpdatedAt)
	when("availableAt", m.AvailableAt)
	when("expiresAt", m.ExpiresAt)
	number("ttl", m.TTL)
	number("ttb", m.TTB)
	number("ttr", m.TTR)
	truth("ccd", m.CCD)
	truth("isEncrypted", m.IsEncrypted)
	add("sharedKeyEnc", m.SharedKeyEnc)
	add("pubKeyCS", m.PubKeyCS)
	add("pubKeyHash", m.PubKeyHash)
	add("encKeyName", m.EncKeyName)
	add("encAlgo", m.EncAlgo)
	add("ivNonce", m.IVNonce)
	add("skeEncKeyName", m.SkeEncKeyName)
	add("skeEncAlgo", m.SkeEncAlgo)
	truth("immutable", m.Immutable)
	add("appMetadata", string(m.AppMetadata))
	return "{" + strings.Join(words, ", ") + "}"
}
