package notify

import (
	"strings"
	"testing"
	"time"

	"atserver/store"
)

// The vectors of the protocol, and what a server of October 2024 is told instead.
func TestCommand(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000).UTC()
	ttr, zero, yes, no := int64(1), int64(0), true, false
	minimal := store.Notification{ID: "1234", Notifier: "system", Expires: now.Add(15 * time.Minute), Key: "@bob:phone@alice"}
	deleted := minimal
	deleted.Op = store.NotifyDelete
	full := store.Notification{
		ID: "1234", Op: store.NotifyUpdate, Notifier: "system", Expires: now.Add(24 * time.Hour), Key: "@bob:test.test@alice", Value: []byte("Hi Bob, Alice here"),
		Meta: &store.Meta{
			TTR: &ttr, CCD: &yes, IsEncrypted: &no, SharedKeyEnc: "abc", PubKeyCS: "123", EncKeyName: "ekn", EncAlgo: "ea", IVNonce: "ivn",
			SkeEncKeyName: "ske_ekn", SkeEncAlgo: "ske_ea",
		},
	}
	today := full
	today.Text, today.Meta = true, &store.Meta{
		TTL: &zero, TTB: &zero, TTR: &ttr, CreatedAt: now, UpdatedAt: now, ExpiresAt: now, AvailableAt: now, PubKeyHash: "h", HashingAlgo: "sha256",
		Immutable: &yes, AppMetadata: []byte(`{"a":1}`), DataSignature: "never", Encoding: "never", IsBinary: &yes,
	}
	late := minimal
	late.Expires = now.Add(-time.Second)
	until, fleeting := minimal, minimal
	until.Until, fleeting.Ephemeral = true, true
	both := until
	both.Ephemeral, both.Meta = true, &store.Meta{TTL: &zero, TTB: &zero, IsEncrypted: &yes}
	knows := dialect{asked: true, eAtn: true, eph: true}
	for _, c := range []struct {
		note store.Notification
		to   dialect
		want string
	}{
		{minimal, dialect{}, "id:1234:messageType:key:notifier:system:ttln:900000:@bob:phone@alice"},
		{deleted, dialect{old: true}, "id:1234:delete:messageType:key:notifier:system:ttln:900000:@bob:phone@alice"},
		{full, dialect{}, "id:1234:update:messageType:key:notifier:system:ttln:86400000:ttr:1:ccd:true:isEncrypted:false:sharedKeyEnc:abc:pubKeyCS:123:encKeyName:ekn:encAlgo:ea:ivNonce:ivn:skeEncKeyName:ske_ekn:skeEncAlgo:ske_ea:@bob:test.test@alice:Hi Bob, Alice here"},
		{today, dialect{}, "id:1234:update:messageType:text:notifier:system:ttln:86400000:ttl:0:ttb:0:ttr:1:ccd:false:cAt:2023-11-14T22:13:20.000Z:uAt:2023-11-14T22:13:20.000Z:eAt:2023-11-14T22:13:20.000Z:aAt:2023-11-14T22:13:20.000Z:isEncrypted:false:pubKeyHash:h:hashingAlgo:sha256:immutable:true:appMetadata:eyJhIjoxfQ==:@bob:test.test@alice:Hi Bob, Alice here"},
		{today, dialect{old: true}, "id:1234:update:messageType:text:notifier:system:ttln:86400000:ttl:0:ttb:0:ttr:1:ccd:false:isEncrypted:false:@bob:test.test@alice:Hi Bob, Alice here"},
		{both, knows, "id:1234:messageType:key:notifier:system:eAtn:2023-11-14T22:28:20.000Z:eph:ttl:0:ttb:0:isEncrypted:true:@bob:phone@alice"},
		{both, dialect{}, "id:1234:messageType:key:notifier:system:ttln:900000:ttl:0:ttb:0:isEncrypted:true:@bob:phone@alice"},
		{until, dialect{asked: true, eph: true}, "id:1234:messageType:key:notifier:system:ttln:900000:@bob:phone@alice"},
		{fleeting, dialect{asked: true, eAtn: true}, "id:1234:messageType:key:notifier:system:ttln:900000:@bob:phone@alice"},
		{minimal, knows, "id:1234:messageType:key:notifier:system:ttln:900000:@bob:phone@alice"},
		{late, dialect{}, "id:1234:messageType:key:notifier:system:ttln:1:@bob:phone@alice"},
	} {
		if got := command(c.note, now, c.to); strings.TrimPrefix(got, "notify:") != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
