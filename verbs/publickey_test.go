package verbs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"atserver/store"
)

// TestPublicKeyOfOthers: it is kept for ever, corrected when it changes, and then the key that was shared by it is put
// aside and the apps are told (protocol notify §17.5).
func TestPublicKeyOfOthers(t *testing.T) {
	w, o := owner(t)
	learn := w.learnBob
	o.exec("update:shared_key.bob@alice wrapped")
	w.rings("shared_key.bob@alice")
	learn("first", `"ttr":5,"ttl":1000,`)
	r, _ := w.stored("cached:public:publickey@bob")
	if string(r.Value) != "first" || *r.Meta.TTR != -1 || !r.Meta.ExpiresAt.IsZero() || !r.Meta.RefreshAt.IsZero() || !r.Meta.CreatedAt.Equal(epoch) {
		t.Errorf("%q, %+v", r.Value, r.Meta)
	}
	o.says("plookup:publickey@bob", "data:first\n@alice@")
	w.asks()

	w.rings("cached:public:publickey@bob")
	before := w.newest(o)
	learn("first", "")
	learn("", "")
	learn("null", "")
	if err := w.env.LearnPublicKey("@bob", "nonsense"); err == nil {
		t.Error("nonsense is learned")
	}
	w.must(w.env.LearnPublicKey("@bob", `{"key":"k","data":null,"metaData":{}}`))
	w.must(w.env.LearnPublicKey("@alice", `{"key":"k","data":"forged","metaData":{}}`))
	if after := w.newest(o); after != before {
		t.Errorf("nothing changed, and yet %s", after)
	}
	w.rings()
	o.says("llookup:shared_key.bob@alice", "data:wrapped\n@alice@")

	w.move(time.Second)
	now := w.clock()
	learn("second", "")
	w.rings("-shared_key.bob@alice", fmt.Sprintf("shared_key.bob.until.%d@alice", now.UnixMilli()), "-cached:public:publickey@bob",
		fmt.Sprintf("%d.events.__atserver@alice", now.UnixMicro()), "cached:public:publickey@bob")
	o.says("llookup:cached:public:publickey@bob", "data:second\n@alice@")
	o.says("llookup:shared_key.bob@alice", "error:AT0015-key not found : shared_key.bob@alice does not exist in keystore\n@alice@")
	o.says(fmt.Sprintf("llookup:shared_key.bob.until.%d@alice", now.UnixMilli()), "data:wrapped\n@alice@")
	event := `{"category":"atProtocol","name":"atsign_pk_changed","data":{"atSign":"@bob"}}`
	o.says(fmt.Sprintf("llookup:%d.events.__atserver@alice", now.UnixMicro()), "data:"+event+"\n@alice@")
	w.events(fmt.Sprintf("@alice:%d.events.__atserver@alice %s", now.UnixMicro(), event))
	if r, _ := w.stored("cached:public:publickey@bob"); !r.Meta.CreatedAt.Equal(now) || *r.Meta.TTR != -1 {
		t.Errorf("%+v", r.Meta)
	}
	w.move(keyRest - time.Millisecond)
	learn("third", "")
	o.says("llookup:cached:public:publickey@bob", "data:second\n@alice@") // for that came just now
	w.move(time.Millisecond)
	learn("third", "") // without a shared key
	o.says(fmt.Sprintf("llookup:%d.events.__atserver@alice", w.clock().UnixMicro()), "data:"+event+"\n@alice@")
	w.move(keyRest)

	// By plookup the same, and a miss takes it away from nobody.
	w.others.answer("lookup:all:publickey@bob", remoteRecord("public:publickey@bob", "fourth", ""))
	o.says("plookup:bypassCache:true:publickey@bob", "data:fourth\n@alice@")
	o.says("llookup:cached:public:publickey@bob", "data:fourth\n@alice@")
	w.others.answer("lookup:all:publickey@bob", "error:AT0015-Exception: public:publickey@bob does not exist in keystore")
	if sent, _ := o.exec("plookup:bypassCache:true:publickey@bob"); !strings.HasPrefix(sent, "error:AT0015-") {
		t.Error(sent)
	}
	o.says("llookup:cached:public:publickey@bob", "data:fourth\n@alice@")

	// What @bob notifies is told, but is no way to change the key by which he is known.
	w.peer("@bob").says("notify:ttr:-1:ccd:true:@alice:public:publickey@bob:planted", "data:success\n@bob@")
	w.peer("@bob").says("notify:delete:@alice:public:publickey@bob", "data:success\n@bob@")
	o.says("llookup:cached:public:publickey@bob", "data:fourth\n@alice@")
}

// learnBob is what a connection to @bob's server brings.
func (w *world) learnBob(value, meta string) {
	w.t.Helper()
	record := strings.TrimPrefix(remoteRecord("public:publickey@bob", value, meta), "data:")
	w.must(w.env.LearnPublicKey("@bob", record))
}

// events wants that apps which listen to the server were told of this, as key and
// value, and no app that does not.
func (w *world) events(want ...string) {
	w.t.Helper()
	app, deaf := w.app("root"), w.app("root")
	app.exec("monitor:selfNotifications")
	deaf.exec("monitor")
	var got []string
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for n, err := range tx.Notifications(time.UnixMilli(0), endOfTime) {
			if err != nil {
				return err
			}
			if n.Type == store.Internal && app.watch.Wants(n) && !deaf.watch.Wants(n) {
				got = append(got, n.Key+" "+string(n.Value))
			}
		}
		return nil
	}))
	if !slices.Equal(got, want) {
		w.t.Errorf("told of %q, want %q", got, want)
	}
}

// TestPinnedPublicKey: another key than the one that is known is not taken until the owner deletes that; apps are told
// once of each, and again when it is taken.
func TestPinnedPublicKey(t *testing.T) {
	w, o := owner(t)
	w.env.PinPeerKeys = true
	told := func(at time.Time, what string) string {
		return fmt.Sprintf(`@alice:%d.events.__atserver@alice {"category":"atProtocol","name":"%s","data":{"atSign":"@bob"}}`, at.UnixMicro(), what)
	}
	w.learnBob("first", "")
	o.exec("update:shared_key.bob@alice wrapped")
	before := w.newest(o)
	w.learnBob("first", "")
	then := w.clock()
	for range 2 {
		w.learnBob("second", "")
		o.says("plookup:publickey@bob", "data:first\n@alice@")
		o.says("llookup:shared_key.bob@alice", "data:wrapped\n@alice@")
		w.events(told(then, "atsign_pk_refused"))
		o.says("llookup:publickey.bob.refused.__atserver@alice", "data:second\n@alice@")
	}
	w.learnBob("another", "")
	w.events(told(then, "atsign_pk_refused")) // for one came just now
	w.move(keyRest)
	w.others.answer("lookup:all:publickey@bob", remoteRecord("public:publickey@bob", "third", ""))
	o.says("plookup:bypassCache:true:publickey@bob", "data:third\n@alice@") // what it says now, if one wants to know
	w.events(told(then, "atsign_pk_refused"), told(then.Add(keyRest), "atsign_pk_refused"))
	o.says("llookup:cached:public:publickey@bob", "data:first\n@alice@")
	if after := w.newest(o); after == before {
		t.Error("a refused key is no change to sync")
	}

	o.exec("delete:cached:public:publickey@bob")
	w.move(time.Minute)
	w.learnBob("third", "")
	o.says("plookup:publickey@bob", "data:third\n@alice@")
	o.says(fmt.Sprintf("llookup:shared_key.bob.until.%d@alice", w.clock().UnixMilli()), "data:wrapped\n@alice@")
	w.events(told(then, "atsign_pk_refused"), told(then.Add(keyRest), "atsign_pk_refused"), told(w.clock(), "atsign_pk_changed"))
	if _, found := w.stored("publickey.bob.refused.__atserver@alice"); found {
		t.Error("what was accepted still waits")
	}
	w.learnBob("first", "")
	o.says("plookup:publickey@bob", "data:third\n@alice@")
}
