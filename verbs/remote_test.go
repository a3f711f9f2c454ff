package verbs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

const (
	askBob    = "as us: lookup:all:x.wavi@bob"
	askPublic = "lookup:all:x.wavi@bob"
	notThere  = "error:AT0015-Exception: @alice:x.wavi@bob does not exist in keystore"
)

// remoteRecord is how another server renders a record of @bob's.
func remoteRecord(key, value, meta string) string {
	return fmt.Sprintf(`data:{"key":%q,"data":%q,"metaData":{"createdBy":"@bob","updatedBy":"@bob","createdAt":"2026-09-01 12:00:00.000Z",`+
		`"updatedAt":"2026-09-02 12:00:00.000Z","status":"active","version":3,%s"isBinary":false,"isEncrypted":true,"futureMember":{"a":1}}}`, key, value, meta)
}

// asks wants that others were asked these lines since the last time.
func (w *world) asks(want ...string) {
	w.t.Helper()
	if got := w.others.heard(); !slices.Equal(got, want) {
		w.t.Errorf("asked %q, want %q", got, want)
	}
}

// newest is what stats tells of the log.
func (w *world) newest(o *actor) string {
	sent, _ := o.exec("stats:3")
	return sent
}

// TestRemoteLookup: a fresh copy answers, else the other server, and the copy is kept as its owner says (protocol
// data §7.2, §12).
func TestRemoteLookup(t *testing.T) {
	w, o := owner(t)
	w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "one", `"ttr":60,"ccd":true,`))
	meta := func(version, updatedBy string) string {
		return `{"createdBy":"@bob","updatedBy":"` + updatedBy + `","createdAt":"2026-09-01 12:00:00.000Z","updatedAt":"2026-09-02 12:00:00.000Z",` +
			`"refreshAt":"2026-10-01 12:01:00.000Z","status":"active","version":` + version + `,"ttr":60,"ccd":true,"isBinary":false,"isEncrypted":true}`
	}
	o.says("lookup:all:x.wavi@bob", `data:{"key":"@alice:x.wavi@bob","data":"one","metaData":`+meta("3", "@bob")+"}\n@alice@")
	w.asks(askBob)
	o.says("lookup:all:X.Wavi@Bob", `data:{"key":"cached:@alice:x.wavi@bob","data":"one","metaData":`+meta("3", "@alice")+"}\n@alice@")
	o.says("lookup:x.wavi@bob", "data:one\n@alice@")
	o.says("lookup:bypassCache:false:meta:x.wavi@bob", "data:"+meta("3", "@alice")+"\n@alice@")
	o.says("llookup:cached:@alice:x.wavi@bob", "data:one\n@alice@")
	w.asks()

	w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "two", `"ttr":60,`))
	o.says("lookup:bypassCache:true:x.wavi@bob", "data:two\n@alice@")
	o.says("lookup:x.wavi@bob", "data:two\n@alice@")
	w.asks(askBob)
	w.move(60 * time.Second)
	o.says("lookup:x.wavi@bob", "data:two\n@alice@")
	w.asks()
	w.move(time.Millisecond)
	w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "three", `"ttr":-1,`))
	o.says("lookup:x.wavi@bob", "data:three\n@alice@")
	w.asks(askBob)
	w.move(1000 * time.Hour)
	o.says("lookup:x.wavi@bob", "data:three\n@alice@")
	w.asks()
}

// TestRemoteLookupMiss: what is no more leaves no copy, and a miss is a change only if there was one.
func TestRemoteLookupMiss(t *testing.T) {
	for _, miss := range []string{notThere, "data:null", `error:{"errorCode":"AT0015","errorDescription":"x does not exist"}`} {
		w, o := owner(t)
		w.others.answer(askBob, miss)
		before := w.newest(o)
		sent, end := o.exec("lookup:x.wavi@bob")
		w.rings()
		if !strings.HasPrefix(sent, "error:AT0015-key not found : ") || end {
			t.Errorf("%q", sent)
		}
		if after := w.newest(o); after != before {
			t.Errorf("a miss is a change: %s", after)
		}
		w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "one", `"ttr":60,`))
		o.says("lookup:x.wavi@bob", "data:one\n@alice@")
		w.others.answer(askBob, miss)
		w.move(time.Hour)
		o.exec("lookup:x.wavi@bob")
		w.rings("cached:@alice:x.wavi@bob", "-cached:@alice:x.wavi@bob")
		if keys := w.keys(); slices.Contains(keys, "cached:@alice:x.wavi@bob") {
			t.Errorf("a copy is left: %q", keys)
		}
		if sent, _ := o.exec("sync:from:-1"); !strings.Contains(sent, `"operation":"-"`) {
			t.Errorf("the removal is no change: %s", sent)
		}
	}
	w, o := owner(t)
	w.others.answer(askBob, notThere)
	o.says("lookup:x.wavi@bob", "error:AT0015-key not found : Exception: @alice:x.wavi@bob does not exist in keystore\n@alice@")
	w.others.answer(askBob, "data:null")
	o.says("lookup:x.wavi@bob", "error:AT0015-key not found : remoteLookUp: remote atServer returned String value 'null' for x.wavi@bob\n@alice@")
}

// TestRemoteFailures: what fails for now leaves the copy, and the connection.
func TestRemoteFailures(t *testing.T) {
	w, o := owner(t)
	w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "one", `"ttr":60,`))
	o.exec("lookup:x.wavi@bob")
	w.move(time.Hour)
	for reply, want := range map[string]string{
		"error:AT0013-Exception: Unable to connect":    "AT0013-Connection Exception : Exception: Unable to connect",
		"error:AT0011-Exception: Exception: no data:x": "AT0011-Internal server exception : Exception: Exception: no data :x",
		"error:AT4711-Exception: x":                    "AT0011-Internal server exception : Unexpected response from the other server",
		"data:no JSON":                                 "AT0011-Internal server exception : Unexpected response from the server of @bob",
		`data:["x"]`:                                   "AT0011-Internal server exception : Unexpected response from the server of @bob",
	} {
		w.others.answer(askBob, reply)
		o.says("lookup:x.wavi@bob", "error:"+want+"\n@alice@")
	}
	o.says("llookup:cached:@alice:x.wavi@bob", "data:one\n@alice@")
}

// TestRemoteLookupOfApps: an app looks up in its namespaces only, from the cache too, and never asks for what it may
// not have, nor for what is no key.
func TestRemoteLookupOfApps(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"buzz": "r"}})
	w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "one", `"ttr":60,`))
	w.app("root").exec("lookup:x.wavi@bob")
	w.asks(askBob)
	w.app("7c").says("lookup:x.wavi@bob",
		"error:AT0009-UnAuthorized client in request : Connection with enrollment ID 7c is not authorized to lookup key: @alice:x.wavi@bob\n@alice@")
	w.app("7c").says("lookup:no/key@bob", "error:AT0015-key not found : @alice:no/key@bob does not exist in keystore\n@alice@")
	w.peer("@carol").exec("lookup:x.wavi@bob")
	w.stranger().exec("lookup:x.wavi@bob")
	w.stranger().exec("plookup:x.wavi@bob")
	w.stranger().exec("scan:@bob")
	w.asks()
}

// TestRemoteWithoutTTR: what its owner does not let us keep leaves no copy, also none from before.
func TestRemoteWithoutTTR(t *testing.T) {
	w, o := owner(t)
	for line, ask := range map[string]string{"lookup:bypassCache:true:x.wavi@bob": askBob, "plookup:bypassCache:true:x.wavi@bob": askPublic} {
		for _, meta := range []string{"", `"ttr":0,`, `"ttr":null,`} {
			w.others.answer(ask, remoteRecord("k", "kept", `"ttr":60,`))
			o.says(line, "data:kept\n@alice@")
			w.others.answer(ask, remoteRecord("k", "one", meta))
			o.says(line, "data:one\n@alice@")
			if keys := w.keys(); len(keys) != 0 {
				t.Errorf("%s leaves %q", line, keys)
			}
		}
	}
	long := strings.Repeat("x", 240) + "@bob"
	w.others.answer("as us: lookup:all:"+long, remoteRecord("k", "long", `"ttr":60,`))
	o.says("lookup:"+long, "data:long\n@alice@")
	if keys := w.keys(); len(keys) != 0 {
		t.Errorf("a key that is too long is kept")
	}
}

func TestPlookup(t *testing.T) {
	w, o := owner(t)
	w.others.answer(askPublic, remoteRecord("public:x.wavi@bob", "one", `"ttr":60,`))
	sent, _ := o.exec("plookup:all:x.wavi@bob")
	if !strings.HasPrefix(sent, `data:{"key":"public:x.wavi@bob","data":"one",`) {
		t.Error(sent)
	}
	if sent, _ = o.exec("plookup:all:x.wavi@bob"); !strings.HasPrefix(sent, `data:{"key":"cached:public:x.wavi@bob","data":"one",`) {
		t.Error(sent)
	}
	o.says("plookup:x.wavi@bob", "data:one\n@alice@")
	w.asks(askPublic)
	o.says("plookup:bypassCache:true:x.wavi@bob", "data:one\n@alice@")
	w.asks(askPublic)
	w.others.answer("lookup:all:gone@bob", "error:AT0015-Exception: public:gone@bob does not exist in keystore")
	o.says("plookup:gone@bob", "error:AT0015-key not found : Exception: public:gone@bob does not exist in keystore\n@alice@")
	if got := w.accesses(); len(got) != 5 || got[0] != "plookup @bob x.wavi@bob" || got[4] != "plookup @bob gone@bob" {
		t.Errorf("access log %q", got)
	}
	o.ends("plookup:x@b#b", "error:AT0011-Internal server exception : invalid @sign: Cannot contain !*'`();:&=+$,/?#[]{} characters\n@alice@")
}

// TestRemoteLarge: a large reply of another server takes its turn among those of this one.
func TestRemoteLarge(t *testing.T) {
	w, o := owner(t)
	asked := 0
	o.Turn = func(_ context.Context, n int) error {
		asked = n
		return ErrBusy
	}
	sentReady := 0
	o.SendReady = func() { sentReady++ }
	w.others.answer(askBob, remoteRecord("k", strings.Repeat("x", 2*smallReply), `"ttr":60,`))
	o.says("lookup:x.wavi@bob", "error:AT0005-Buffer limit exceeded : the memory for large replies is in use by others, try again\n@alice@")
	w.others.answer("as us: scan", "data:["+strings.Repeat(" ", 3*smallReply)+"]")
	o.says("scan:@bob", "error:AT0005-Buffer limit exceeded : the memory for large replies is in use by others, try again\n@alice@")
	if asked < 3*smallReply || sentReady != 2 || len(w.keys()) != 0 {
		t.Errorf("asked for %d, sent what was ready %d times, kept %q", asked, sentReady, w.keys())
	}
}

func TestRemoteScan(t *testing.T) {
	w, o := owner(t)
	w.others.answer("as us: scan", `data:["a@bob","b@bob"]`)
	w.others.answer("as us: scan ^a", `data:["a@bob"]`)
	o.says("scan:@bob", `data:["a@bob","b@bob"]`+"\n@alice@")
	o.says("scan:showhidden:true:@b.ob:page:2 ^a", `data:["a@bob"]`+"\n@alice@")
	w.asks("as us: scan", "as us: scan ^a")
	w.others.answer("as us: scan (", "error:AT0011-Exception: Exception: bad expression")
	o.says("scan:@bob (", "error:AT0011-Internal server exception : Exception: Exception: bad expression\n@alice@")
	w.others.heard()
	if sent, _ := o.exec("scan:cl:@bob"); !strings.HasPrefix(sent, "error:AT0401") {
		t.Error(sent)
	}
	w.asks()
}

// TestRefresh: copies that are past their time are asked for anew: gone, changed, unchanged, not to be had.
func TestRefresh(t *testing.T) {
	w, o := owner(t)
	ask := func(name string) string { return "as us: lookup:all:" + name + "@bob" }
	for _, name := range []string{"gone", "null", "changed", "same", "down", "later"} {
		w.others.answer(ask(name), remoteRecord("k", name, `"ttr":60,`))
		o.says("lookup:"+name+"@bob", "data:"+name+"\n@alice@")
	}
	w.others.answer(ask("forever"), remoteRecord("k", "forever", `"ttr":-1,`))
	o.exec("lookup:forever@bob")
	w.others.answer("lookup:all:open@bob", remoteRecord("k", "open", `"ttr":60,`))
	o.exec("plookup:open@bob")
	w.others.answer(ask("later"), remoteRecord("k", "later", `"ttr":3600,`))
	o.exec("lookup:bypassCache:true:later@bob")
	w.others.heard()

	w.others.answer(ask("gone"), notThere)
	w.others.answer(ask("null"), "data:null")
	w.others.answer(ask("changed"), remoteRecord("k", "anew", `"ttr":60,`))
	w.others.answer(ask("down"), "error:AT0011-Exception: x")
	w.others.answer("lookup:all:open@bob", remoteRecord("k", "open anew", `"ttr":60,`))
	w.move(time.Minute)
	before, _ := w.stored("cached:@alice:same@bob")
	w.rung = nil
	n, err := w.env.Refresh(context.Background(), w.clock())
	if n != 6 || err != nil {
		t.Errorf("%d copies, %v", n, err)
	}
	slices.Sort(w.rung)
	w.rings("-cached:@alice:gone@bob", "-cached:@alice:null@bob", "cached:@alice:changed@bob", "cached:public:open@bob")
	asked := w.others.heard()
	slices.Sort(asked)
	if want := []string{ask("changed"), ask("down"), ask("gone"), ask("null"), ask("same"), "lookup:all:open@bob"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
	for _, name := range []string{"gone", "null"} {
		if _, found := w.stored("cached:@alice:" + name + "@bob"); found {
			t.Errorf("%s is left", name)
		}
	}
	for name, want := range map[string]string{
		"@alice:changed": "anew", "@alice:same": "same", "@alice:down": "down", "@alice:later": "later", "@alice:forever": "forever", "public:open": "open anew",
	} {
		if r, _ := w.stored("cached:" + name + "@bob"); string(r.Value) != want {
			t.Errorf("%s is %q", name, r.Value)
		}
	}
	if after, _ := w.stored("cached:@alice:same@bob"); !after.Meta.RefreshAt.Equal(before.Meta.RefreshAt) {
		t.Error("what is the same was touched")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	w.env.Refresh(ended, w.clock())
	w.asks()
}
