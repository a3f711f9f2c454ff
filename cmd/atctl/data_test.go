package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestPutAndGet(t *testing.T) {
	p := onboarded(t)
	for name, value := range map[string]string{
		"text": "hello", "unicode": "päivää ✓ 🛠", "dash": "-", "lines": "one\ntwo\n", "blanks": "  around  ",
		"bytes": "\xff\x00\x80\n", "large": strings.Repeat("0123456789", 10_000),
	} {
		for _, flag := range []string{"--public=false", "--public"} {
			p.ok(t, value, "put", name+".test", "-", flag)
			if got := p.ok(t, "", "get", name+".test", flag); got != value {
				t.Errorf("%s, %s: got %.60q, want %.60q", name, flag, got, value)
			}
		}
	}
	p.ok(t, "", "put", "arg.test", "--", "-5")
	if got := p.ok(t, "", "get", "arg.test@alice"); got != "-5" {
		t.Errorf("argument: got %q", got)
	}
	p.ok(t, "", "put", "empty.test", "-")
	if got := p.ok(t, "", "get", "empty.test"); got != "" {
		t.Errorf("empty: got %q", got)
	}
	if _, errs, code := p.ctl(t, "", "put", "empty.test", "-", "--public"); code != exitUsage {
		t.Errorf("empty public value: exit code %d, %q", code, errs)
	}
}

func TestJSON(t *testing.T) {
	p := onboarded(t)
	var stored struct {
		Key    string
		Commit int64
	}
	if err := json.Unmarshal([]byte(p.ok(t, "", "put", "phone.wavi", "+1 <2>", "--public", "--json")), &stored); err != nil {
		t.Fatal(err)
	}
	if stored.Key != "public:phone.wavi@alice" || stored.Commit < 0 {
		t.Errorf("put: %+v", stored)
	}
	var got struct {
		Key, Value string
		Base64     []byte
		Metadata   map[string]any
	}
	if err := json.Unmarshal([]byte(p.ok(t, "", "get", "phone.wavi", "--public", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Key != stored.Key || got.Value != "+1 <2>" || got.Metadata["dataSignature"] == "" || got.Metadata["isEncrypted"] != false {
		t.Errorf("get: %+v", got)
	}
	p.ok(t, "\xff", "put", "raw.wavi", "-")
	got.Value = ""
	if err := json.Unmarshal([]byte(p.ok(t, "", "get", "raw.wavi", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Value != "" || base64.StdEncoding.EncodeToString(got.Base64) != "/w==" || got.Metadata["isEncrypted"] != true || got.Metadata["ivNonce"] == "" {
		t.Errorf("get of bytes: %+v", got)
	}
}

// What a value leaves in its metadata must not garble the next one.
func TestPutOverAnother(t *testing.T) {
	p := onboarded(t)
	for _, value := range []string{"one\ntwo", "plain", "\xff\xfe", "aGVsbG8=", "end\n"} {
		for _, flag := range []string{"--public=false", "--public"} {
			p.ok(t, value, "put", "k.test", "-", flag)
			if got := p.ok(t, "", "get", "k.test", flag); got != value {
				t.Errorf("%s: got %q, want %q", flag, got, value)
			}
		}
	}
}

func TestLifetimeOfValues(t *testing.T) {
	p := onboarded(t)
	get := func(want int) {
		t.Helper()
		if _, errs, code := p.ctl(t, "", "get", "k.test"); code != want {
			t.Errorf("exit code %d, want %d: %s", code, want, errs)
		}
	}
	p.ok(t, "", "put", "k.test", "v", "--ttl=2m", "--ttb=1m")
	get(exitNotFound) // not born
	p.pass(61 * time.Second)
	get(0)
	p.pass(2 * time.Minute)
	get(exitNotFound) // expired
	p.ok(t, "", "put", "k.test", "v", "--ttl=1m")
	p.ok(t, "", "put", "k.test", "v", "--ttl=0")
	p.pass(time.Hour)
	get(0)
}

func TestScan(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "", "put", "phone.wavi", "1")
	p.ok(t, "", "put", "phone.wavi", "1", "--public")
	p.ok(t, "", "put", "_secret.wavi", "1")
	p.ok(t, "", "put", "other.buzz", "1")
	if got, want := p.ok(t, "", "scan", `\.wavi`), `KEY                      SCOPE
phone.wavi@alice         self
public:phone.wavi@alice  public
`; got != want {
		t.Errorf("scan:\n%s\nwant:\n%s", got, want)
	}
	var keys []string
	if err := json.Unmarshal([]byte(p.ok(t, "", "scan", "--json", "--hidden", "wavi")), &keys); err != nil {
		t.Fatal(err)
	}
	if strings.Join(keys, " ") != "_secret.wavi@alice phone.wavi@alice public:phone.wavi@alice" {
		t.Errorf("scan --hidden: %q", keys)
	}
	if got := p.ok(t, "", "scan", "nothing", "--json"); got != "[]\n" {
		t.Errorf("no match: %q", got)
	}
	if out, errs, code := p.ctl(t, "", "scan", "nothing"); out != "" || errs != "no keys\n" || code != 0 {
		t.Errorf("no match: %q, %q, exit code %d", out, errs, code)
	}
	if _, errs, code := p.ctl(t, "", "scan", "("); code != exitFailed {
		t.Errorf("bad regex: %q, exit code %d", errs, code)
	}
}

func TestDelete(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "", "put", "k.test", "v")
	p.ok(t, "", "put", "k.test", "v", "--public")
	p.ok(t, "", "delete", "k.test")
	for _, command := range []string{"get", "delete"} {
		_, errs, code := p.ctl(t, "", command, "k.test")
		if code != exitNotFound || !strings.HasPrefix(errs, "atctl: "+command+" k.test@alice: ") {
			t.Errorf("%s of what is gone: exit code %d, %q", command, code, errs)
		}
	}
	p.ok(t, "", "get", "k.test", "--public")
	p.ok(t, "", "delete", "k.test", "--public", "--json")
	if _, errs, code := p.ctl(t, "", "delete", "--public", "publickey"); code != exitUnauthorised {
		t.Errorf("delete of a protected key: exit code %d, %q", code, errs)
	}
}

// What atctl cannot read or write it refuses, instead of handing on cipher text.
func TestNotOurs(t *testing.T) {
	p := onboarded(t)
	for _, args := range [][]string{
		{"get", "@carol:k.test@bob"}, {"get", "private:k.test"},
		{"put", "@bob:k.test", "v"}, {"put", "k.test@bob", "v"}, {"put", "public:k.test@bob", "v"}, {"put", "cached:public:k.test@alice", "v"},
		{"delete", "k.test@bob"}, {"get", "a,b"},
	} {
		if _, errs, code := p.ctl(t, "", args...); code != exitUsage {
			t.Errorf("%q: exit code %d, %q", args, code, errs)
		}
	}
}
