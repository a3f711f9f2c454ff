package verbs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"
)

// bobsKey is the pair by which @bob's server proves itself.
var bobsKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func bobSigns(t *testing.T, challenge string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(challenge))
	signature, err := rsa.SignPKCS1v15(nil, bobsKey(), crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// fromBob claims to be @bob and returns what must be signed; @bob's server shows the public key.
func (a *actor) fromBob() string {
	a.w.t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(bobsKey().Public())
	a.w.must(err)
	a.w.others.answer("lookup:signing_publickey@bob", "data:"+base64.StdEncoding.EncodeToString(spki))
	sent, _ := a.exec("from:@bob")
	challenge, ok := strings.CutPrefix(sent, "data:proof:"+a.ID+"@bob:")
	if !ok {
		a.w.t.Fatalf("from answered %q", sent)
	}
	return strings.TrimSuffix(challenge, "\n"+a.prompt(false))
}

const polFailed = "error:AT0401-Exception: Pol Authentication Failed\n@"

// TestPol: who proves to be @bob is @bob, once.
func TestPol(t *testing.T) {
	w, o := owner(t)
	o.exec("update:@bob:x.wavi@alice for bob")
	a := w.stranger()
	cookie := "lookup:" + a.ID + "@bob"
	challenge := a.fromBob()
	raw, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(challenge, "pol1."))
	if err != nil || !strings.HasPrefix(string(raw), `{"v":"@alice","n":"`) {
		t.Errorf("challenge %q is %q, %v", challenge, raw, err)
	}
	w.others.answer(cookie, "data:"+bobSigns(t, challenge))
	a.says("pol", "@bob@")
	w.asks(cookie, "lookup:signing_publickey@bob")
	a.says("lookup:x.wavi@alice", "data:for bob\n@bob@")
	a.says("scan", `data:["x.wavi@alice"]`+"\n@bob@")
	if log := w.accesses(); len(log) < 2 || log[0] != "from @bob" || log[1] != "pol @bob" {
		t.Errorf("access log %q", log)
	}
	a.says("pol", polFailed) // the challenge is used up, and whoever fails is nobody
	w.asks()
	a.says("lookup:x.wavi@alice", "error:AT0015-Exception: public:x.wavi@alice does not exist in keystore\n@")
}

// TestPolFails: each way not to be @bob.
func TestPolFails(t *testing.T) {
	w, _ := owner(t)
	try := func(change func(cookie, challenge string), want string, ends bool) {
		t.Helper()
		a := w.stranger()
		challenge, cookie := a.fromBob(), "lookup:"+a.ID+"@bob"
		w.others.answer(cookie, "data:"+bobSigns(t, challenge))
		change(cookie, challenge)
		if got, end := a.exec("pol"); got != want || end != ends {
			t.Errorf("got %q, ends %v\nwant %q", got, end, want)
		}
		a.says("scan", "data:[]\n@") // nobody
	}
	const key = "lookup:signing_publickey@bob"
	unable := "error:AT0011-Exception: Exception: Unable to verify signature\n@"
	try(func(c, ch string) { w.others.answer(c, "data:"+bobSigns(t, ch+"x")) }, polFailed, false)
	try(func(c, ch string) { w.others.answer(c, "data:"+bobSigns(t, strings.TrimPrefix(c, "lookup:")+":"+ch)) }, polFailed, false)
	try(func(c, _ string) { w.others.answer(c, "data:no base64") }, polFailed, false)
	try(func(string, string) { w.others.answer(key, "data:no key") }, polFailed, false)
	try(func(string, string) { w.others.answer(key, "data:null") }, unable, true)
	try(func(c, _ string) { w.others.answer(c, "data:null") }, unable, true)
	try(func(c, _ string) { w.others.answer(c, "data:") }, unable, true)
	try(func(c, _ string) { w.others.answer(c, "error:AT0015-Exception: x does not exist in keystore") },
		"error:AT0015-Exception: Exception: x does not exist in keystore\n@", false)
	try(func(string, string) { w.move(time.Minute) }, polFailed, false)

	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	w.must(err)
	spki, err := x509.MarshalPKIXPublicKey(weak.Public())
	w.must(err)
	try(func(string, string) { w.others.answer(key, "data:"+base64.StdEncoding.EncodeToString(spki)) }, polFailed, false)

	a := w.stranger()
	a.ends("pol", "error:AT0011-Exception: Exception: You must execute a 'from:' command before you may run the pol command\n@")
	for i := range maxFailures {
		w.others.answer("lookup:"+a.ID+"@bob", "data:"+bobSigns(t, "another challenge"))
		a.fromBob()
		if got, end := a.exec("pol"); got != polFailed || end != (i == maxFailures-1) {
			t.Errorf("failure %d: %q, ends %v", i, got, end)
		}
	}
}

// TestPolOfTheOwner: an app that proves to be another atSign is that, and its owner no longer.
func TestPolOfTheOwner(t *testing.T) {
	w, o := owner(t)
	w.others.answer("lookup:"+o.ID+"@bob", "data:"+bobSigns(t, o.fromBob()))
	o.says("pol", "@bob@")
	o.says("update:x@alice v", "error:AT0401-Exception: Command cannot be executed without auth\n@")
}
