package verbs

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPublicKeyOfOthers: it is kept for ever, corrected when it changes, and then the key that was shared by it is put
// aside and the apps are told (protocol notify §17.5).
func TestPublicKeyOfOthers(t *testing.T) {
	w, o := owner(t)
	learn := func(value, meta string) {
		t.Helper()
		record := strings.TrimPrefix(remoteRecord("public:publickey@bob", value, meta), "data:")
		w.must(w.env.LearnPublicKey("@bob", record))
	}
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
	if r, _ := w.stored("cached:public:publickey@bob"); !r.Meta.CreatedAt.Equal(now) || *r.Meta.TTR != -1 {
		t.Errorf("%+v", r.Meta)
	}
	learn("third", "") // in the same instant, without a shared key
	o.says(fmt.Sprintf("llookup:%d.events.__atserver@alice", now.UnixMicro()+1), "data:"+event+"\n@alice@")

	// By plookup the same, and a miss takes it away from nobody.
	w.others.answer("lookup:all:publickey@bob", remoteRecord("public:publickey@bob", "fourth", ""))
	o.says("plookup:bypassCache:true:publickey@bob", "data:fourth\n@alice@")
	o.says("llookup:cached:public:publickey@bob", "data:fourth\n@alice@")
	w.others.answer("lookup:all:publickey@bob", "error:AT0015-Exception: public:publickey@bob does not exist in keystore")
	if sent, _ := o.exec("plookup:bypassCache:true:publickey@bob"); !strings.HasPrefix(sent, "error:AT0015-") {
		t.Error(sent)
	}
	o.says("llookup:cached:public:publickey@bob", "data:fourth\n@alice@")
}
