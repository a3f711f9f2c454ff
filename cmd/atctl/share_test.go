package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

func TestShare(t *testing.T) {
	p := openPair(t)
	for name, value := range map[string]string{
		"text": "hello", "unicode": "päivää ✓ 🛠", "lines": "one\ntwo\n", "blanks": "  around  ", "empty": "",
		"bytes": "\xff\x00\x80\n", "large": strings.Repeat("0123456789", 10_000),
	} {
		p.ok(t, "@alice", value, "share", name+".test", "@bob", "-")
		for sign, key := range map[atkey.Sign]string{"@bob": name + ".test@alice", "@alice": "@bob:" + name + ".test"} {
			if got := p.ok(t, sign, "", "get", key); got != value {
				t.Errorf("%s, read by %s: %.60q", name, sign, got)
			}
		}
	}
	if got := p.ok(t, "@bob", "", "get", "@bob:text.test@alice"); got != "hello" {
		t.Errorf("by its full name: %q", got)
	}

	// The servers hold nothing that says what it is, and one key for both atSigns.
	stored := p.ask(t, "@alice", "llookup:all:@bob:text.test@alice")
	if strings.Contains(stored, "hello") || !strings.Contains(stored, `"isEncrypted":true`) || !strings.Contains(stored, `"ivNonce":"`) {
		t.Errorf("stored: %s", stored)
	}
	own := p.ask(t, "@alice", "llookup:shared_key.bob@alice")
	p.ok(t, "@alice", "", "share", "again.test", "bob", "x")
	if p.ask(t, "@alice", "llookup:shared_key.bob@alice") != own {
		t.Error("a second value has a key of its own")
	}

	p.ok(t, "@alice", "", "delete", "@bob:text.test")
	p.refused(t, "@bob", exitNotFound, "@bob:text.test@alice", "get", "text.test@alice")
	p.refused(t, "@alice", exitNotFound, "@bob:text.test@alice", "get", "@bob:text.test")
	p.refused(t, "@alice", exitFailed, "@nobody", "share", "k.test", "@nobody", "x")
	p.refused(t, "@bob", exitFailed, "@nobody", "get", "k.test@nobody")
	p.refused(t, "@alice", exitUsage, "atctl put", "share", "k.test", "@alice", "x")
	p.refused(t, "@alice", exitUsage, "atctl share", "put", "@bob:k.test", "x")
	p.refused(t, "@alice", exitUsage, "neither your own", "get", "@carol:k.test@bob")
}

func TestShareMetadata(t *testing.T) {
	p := openPair(t)
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "1", "--ttl=1h", "--ttr=1m", "--ccd")
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "2")
	var meta metadata
	if err := json.Unmarshal([]byte(p.ask(t, "@alice", "llookup:meta:@bob:k.test@alice")), &meta); err != nil {
		t.Fatal(err)
	}
	if *meta.TTL != 3_600_000 || *meta.TTR != 60 || !*meta.CCD {
		t.Errorf("metadata %+v", meta)
	}
	if got := p.ok(t, "@bob", "", "get", "k.test@alice"); got != "2" {
		t.Errorf("got %q", got)
	}
	if got := p.ok(t, "@bob", "", "get", "cached:@bob:k.test@alice"); got != "2" {
		t.Errorf("from the copy: %q", got)
	}
	if out := p.ok(t, "@bob", "", "meta", "k.test@alice"); !strings.Contains(out, "ivNonce") {
		t.Errorf("metadata, read by @bob: %s", out)
	}
	for _, key := range []string{"shared_key@alice", "@bob:shared_key", "@carol:k.test", "public:k.test", "k.test@bob"} {
		if _, err := sharedKey(key, "@alice", "@bob"); err == nil {
			t.Errorf("%s may be shared", key)
		}
	}
}

// What @bob had before he was reset he cannot read, and @alice is told instead of
// writing on for keys that nobody has any more.
func TestShareAfterReset(t *testing.T) {
	p := openPair(t)
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "before")
	replaceEncryptionKey(t, p, "@bob")

	p.refused(t, "@bob", exitFailed, "ask @alice to share it again, with a new key", "get", "k.test@alice")
	p.ask(t, "@alice", "plookup:bypassCache:true:publickey@bob") // her server learns of it in its own time
	p.refused(t, "@alice", exitFailed, "atctl share --new-key", "share", "k.test", "@bob", "after")
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "after", "--new-key")
	if got := p.ok(t, "@bob", "", "get", "k.test@alice"); got != "after" {
		t.Errorf("got %q", got)
	}
	p.ok(t, "@alice", "", "share", "more.test", "@bob", "more")
	if got := p.ok(t, "@bob", "", "get", "more.test@alice"); got != "more" {
		t.Errorf("got %q", got)
	}
}

// A new key that is asked for without need puts the old one aside.
func TestShareNewKey(t *testing.T) {
	p := openPair(t)
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "old")
	p.ok(t, "@bob", "", "get", "k.test@alice")
	p.ok(t, "@alice", "", "share", "other.test", "@bob", "new", "--new-key")
	if got := p.ok(t, "@bob", "", "get", "other.test@alice"); got != "new" { // his server has a copy of the old key
		t.Errorf("got %q", got)
	}
	if names := p.ok(t, "@alice", "", "scan", "--hidden", "shared_key"); !strings.Contains(names, "shared_key.bob.until.") {
		t.Errorf("the old key is lost: %s", names)
	}
	p.refused(t, "@alice", exitFailed, "share it again", "get", "@bob:k.test")
}

// A key that could not be handed over is handed over the next time.
func TestShareGoesOn(t *testing.T) {
	p := openPair(t)
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "1")
	p.ok(t, "@alice", "", "delete", "@bob:shared_key")
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "2")
	if got := p.ok(t, "@bob", "", "get", "k.test@alice"); got != "2" {
		t.Errorf("got %q", got)
	}
}

// replaceEncryptionKey is what a reset leaves others to see.
func replaceEncryptionKey(t *testing.T, p *pair, sign atkey.Sign) {
	t.Helper()
	path := p.keyFile(sign)
	keys, err := atauth.ReadKeys(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := atauth.Generate(sign)
	if err != nil {
		t.Fatal(err)
	}
	keys.Encryption = fresh.Encryption
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := atauth.WriteKeys(path, keys, nil); err != nil {
		t.Fatal(err)
	}
	p.ask(t, sign, "update:public:publickey"+string(sign)+" "+keys.PublicKey())
}
