package server

import (
	"strings"
	"testing"
	"time"

	"atserver/store"
)

// TestCopiesAreTold: whatever changes a copy, a lookup, a key that was learned, a notification, the daily refresh,
// monitors are told that there is something to sync.
func TestCopiesAreTold(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *Options) { o.StatsEvery = -1 }, "@alice", "@bob")
	alice, bob, monitor := w.owner("@alice"), w.owner("@bob"), w.owner("@alice")
	monitor.ask("monitor\nnoop:0", "data:ok\n")
	told := func(what string) {
		t.Helper()
		line := monitor.line()
		id := strings.TrimPrefix(alice.says("stats:3"), `data: [{"id":"3","name":"lastCommitID","value":"`)
		if id, _, _ = strings.Cut(id, `"`); !strings.Contains(line, `"key":"statsNotification.@alice","value":"`+id+`"`) {
			t.Errorf("%s: told %q, the newest is %s", what, line, id)
		}
	}
	bob.is("config:set:autoNotify=false", "data:ok")
	bob.says("update:public:publickey@bob bobs key")
	bob.says("update:ttr:60:@alice:phone@bob one")
	bob.says("update:ttr:60:public:phone@bob one")
	alice.is("lookup:phone@bob", "data:one")
	if line := monitor.line(); !strings.Contains(line, "statsNotification") {
		t.Errorf("key that was learned: %q", line)
	}
	told("lookup")
	alice.is("plookup:phone@bob", "data:one")
	told("plookup")
	bob.is("config:set:autoNotify=true", "data:ok")
	bob.says("update:ttr:60:@alice:phone@bob two")
	monitor.line() // the notification
	told("copy in a notification")
}

// TestLifetimesTravel: until when a notification is of use, and that it is for memory only, the other server learns.
func TestLifetimesTravel(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob")
	alice, bob := w.owner("@alice"), w.owner("@bob")
	end := w.boxes["@alice"].clock.now().Add(40 * time.Minute).UTC()
	for id, parts := range map[string]string{"until": ":eAtn:" + end.Format("2006-01-02T15:04:05.000Z"), "fleeting": ":eph", "plain": ":ttln:60000"} {
		bob.is("notify:id:"+id+parts+":@alice:phone.wavi@bob:v", "data:"+id)
		eventually(t, func() bool { return bob.says("notify:status:"+id) == "data:delivered" })
		for _, b := range w.boxes {
			var n store.Notification
			if err := b.db.View(func(tx *store.Tx) (err error) { n, err = tx.NotificationFrom(id, "@bob"); return err }); err != nil {
				t.Fatalf("%s at %s: %v", id, b.options.Sign, err)
			}
			if n.Ephemeral != (id == "fleeting") || n.Until != (id == "until") || n.Until && !n.Expires.Equal(end) {
				t.Errorf("%s at %s: %+v", id, b.options.Sign, n)
			}
		}
	}
	if list := alice.says("notify:list:."); !strings.Contains(list, `"expiresAt":"`+end.Format("2006-01-02 15:04:05.000Z")+`"`) {
		t.Error(list)
	}
}

// TestPinnedPeerKey: with pinning another public key of @bob's is an event, and his until the owner says so.
func TestPinnedPeerKey(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *Options) { o.PinPeerKeys, o.StatsEvery = true, -1 }, "@alice", "@bob")
	alice, bob, monitor := w.owner("@alice"), w.owner("@bob"), w.owner("@alice")
	bob.says("update:public:publickey@bob first")
	alice.is("plookup:publickey@bob", "data:first")
	monitor.ask("monitor:strict:selfNotifications .events.__atserver\nnoop:0", "data:ok\n")
	bob.says("update:public:publickey@bob second")
	alice.is("plookup:bypassCache:true:publickey@bob", "data:second")
	event := func(name string) {
		t.Helper()
		if line := monitor.line(); !strings.Contains(line, `{\"category\":\"atProtocol\",\"name\":\"`+name+`\",\"data\":{\"atSign\":\"@bob\"}}`) {
			t.Error(line)
		}
	}
	event("atsign_pk_refused")
	alice.is("plookup:publickey@bob", "data:first")
	alice.says("delete:cached:public:publickey@bob")
	alice.is("plookup:publickey@bob", "data:second")
	event("atsign_pk_changed")
}
