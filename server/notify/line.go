package notify

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"atserver/store"
)

// command is the line that tells another atSign's server of a notification
// (protocol, outbound command), without what that does not understand.
func command(n store.Notification, now time.Time, d dialect) string {
	var b strings.Builder
	b.Grow(len(n.Value) + len(n.Key) + 256)
	part := func(name, value string) {
		if value != "" {
			b.WriteString(":" + name + ":" + value)
		}
	}
	b.WriteString("notify:id:" + n.ID)
	switch n.Op {
	case store.NotifyUpdate:
		b.WriteString(":update")
	case store.NotifyDelete:
		b.WriteString(":delete")
	}
	kind := "key"
	if n.Text {
		kind = "text"
	}
	part("messageType", kind)
	part("notifier", n.Notifier)
	if n.Until && d.eAtn {
		part("eAtn", iso(n.Expires))
	} else {
		part("ttln", strconv.FormatInt(max(n.Expires.Sub(now).Milliseconds(), 1), 10))
	}
	if n.Ephemeral && d.eph {
		b.WriteString(":eph")
	}
	if n.Meta != nil {
		appendMeta(part, *n.Meta, d.old)
	}
	b.WriteString(":" + n.Key)
	if len(n.Value) > 0 {
		b.WriteByte(':')
		b.Write(n.Value)
	}
	return b.String()
}

// appendMeta gives the parts of metadata in the order of the protocol.
func appendMeta(part func(name, value string), m store.Meta, old bool) {
	number := func(name string, n *int64) {
		if n != nil {
			part(name, strconv.FormatInt(*n, 10))
		}
	}
	number("ttl", m.TTL)
	number("ttb", m.TTB)
	if m.TTR != nil {
		number("ttr", m.TTR)
		part("ccd", strconv.FormatBool(m.CCD != nil && *m.CCD))
	}
	if !old {
		part("cAt", iso(m.CreatedAt))
		part("uAt", iso(m.UpdatedAt))
		if m.TTL == nil || *m.TTL == 0 { // else the other side counts for itself
			part("eAt", iso(m.ExpiresAt))
		}
		if m.TTB == nil || *m.TTB == 0 {
			part("aAt", iso(m.AvailableAt))
		}
	}
	part("isEncrypted", strconv.FormatBool(m.IsEncrypted != nil && *m.IsEncrypted)) // or the other side takes it for true
	part("sharedKeyEnc", m.SharedKeyEnc)
	part("pubKeyCS", m.PubKeyCS)
	if !old && m.HashingAlgo != "" && m.PubKeyHash != "" {
		part("pubKeyHash", m.PubKeyHash)
		part("hashingAlgo", m.HashingAlgo)
	}
	part("encKeyName", m.EncKeyName)
	part("encAlgo", m.EncAlgo)
	part("ivNonce", m.IVNonce)
	part("skeEncKeyName", m.SkeEncKeyName)
	part("skeEncAlgo", m.SkeEncAlgo)
	if !old && m.Immutable != nil && *m.Immutable {
		part("immutable", "true")
	}
	if !old && len(m.AppMetadata) > 0 {
		part("appMetadata", base64.StdEncoding.EncodeToString(m.AppMetadata))
	}
}

func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
