package verbs

import (
	"strings"
	"testing"
	"time"

	"atserver/store"
)

// TestCachedCopies: copies of other atSigns' records are shown, found by their full
// name, told to devices and removed like others, and no client writes one (protocol,
// cache).
func TestCachedCopies(t *testing.T) {
	w, o := owner(t)
	w.must(w.env.DB.Update(func(tx *store.Tx) error {
		for _, k := range []string{"cached:public:publickey@bob", "cached:@alice:email.wavi@bob", "cached:@alice:brief.wavi@bob"} {
			meta := fragments{}.merge(nil, "@bob", tx.Now())
			if strings.Contains(k, "brief") {
				meta.ExpiresAt = tx.Now().Add(time.Minute)
			}
			if _, err := tx.Put(store.Record{Key: key(k), Value: []byte("v"), Meta: meta}, store.OpUpdateAll, "server"); err != nil {
				return err
			}
		}
		return nil
	}))
	const missing = "error:AT0015-key not found : "
	o.says("scan", `data:["cached:@alice:brief.wavi@bob","cached:@alice:email.wavi@bob","cached:public:publickey@bob"]`+"\n@alice@")
	o.says("scan ^cached:public", `data:["cached:public:publickey@bob"]`+"\n@alice@")
	o.says("llookup:cached:@alice:email.wavi@bob", "data:v\n@alice@")
	o.says("llookup:CACHED:public:publickey@bob", "data:v\n@alice@")
	o.says("llookup:@alice:email.wavi@bob", missing+"@alice:email.wavi@bob does not exist in keystore\n@alice@")
	if sent, _ := o.exec("llookup:all:cached:@alice:email.wavi@bob"); !strings.HasPrefix(sent, `data:{"key":"cached:@alice:email.wavi@bob","data":"v","metaData":{"createdBy":"@bob",`) {
		t.Error(sent)
	}
	if sent, _ := o.exec("sync:from:-1"); strings.Count(sent, `"operation":"*"`) != 3 {
		t.Error(sent)
	}
	for _, line := range []string{
		"update:cached:@alice:email.wavi@bob forged", "update:meta:cached:@alice:email.wavi@bob:ttl:1", "update:public:email.wavi@bob forged",
		`update:json:{"atKey":"cached:@alice:email.wavi@bob","value":"forged","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false}}`,
	} {
		if sent, _ := o.exec(line); !strings.HasPrefix(sent, "error:AT0003-") && !strings.HasPrefix(sent, "error:AT0016-") {
			t.Errorf("%s: %q", line, sent)
		}
	}
	for _, a := range []*actor{w.stranger(), w.peer("@bob")} {
		a.says("scan", "data:[]\n"+a.prompt(false))
		a.says("lookup:email.wavi@bob", "error:AT0015-Exception: "+map[bool]string{true: "@bob:", false: "public:"}[a.Principal.Sign == "@bob"]+
			"email.wavi@bob does not exist in keystore\n@")
	}

	w.move(time.Minute)
	o.says("llookup:cached:@alice:brief.wavi@bob", "data:null\n@alice@")
	_, err := w.env.DB.Sweep(w.now)
	w.must(err)
	o.says("delete:cached:@alice:email.wavi@bob", "data:3\n@alice@")
	o.says("delete:cached:public:publickey@bob", "data:4\n@alice@") // a copy is not protected
	o.says("scan", "data:[]\n@alice@")
	o.says("stats:15", `data: [{"id":"15","name":"LatestCommitEntryOfEachKey","value":"{\"cached:@alice:email.wavi@bob\":[3,\"-\"],\"cached:public:publickey@bob\":[4,\"-\"]}"}]`+"\n@alice@")
}
