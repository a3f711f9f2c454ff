package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

// app is an enrolled app of a test.
type app struct {
	id  string
	key *ecdsa.PrivateKey
}

func newKey(t *testing.T) (key *ecdsa.PrivateKey, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return key, hex.EncodeToString(point)
}

// json sends a command that is answered with JSON and reads it.
func (c *client) json(command, prompt string) map[string]any {
	c.t.Helper()
	c.send(command + "\n")
	text, ok := strings.CutPrefix(c.line(), "data:")
	var m map[string]any
	if !ok || json.Unmarshal([]byte(text), &m) != nil {
		c.t.Fatalf("%s: got %q", command, text)
	}
	c.want(prompt)
	return m
}

// firstApp is the owner's first app.
func (b *box) firstApp() app {
	b.t.Helper()
	key, public := newKey(b.t)
	c := b.owner() // by the bootstrap secret
	m := c.json(`enroll:request:{"appName":"first","deviceName":"phone","apkamPublicKey":"`+public+`","signingAlgo":"ecc_secp256r1"}`, "@alice@")
	c.Close()
	return app{m["enrollmentId"].(string), key}
}

// letIn lets an app in, decided by a connection that may.
func (b *box) letIn(by *client, name, namespaces, more string) app {
	b.t.Helper()
	a := b.ask(by, name, namespaces, more)
	by.ask(`enroll:approve:{"enrollmentId":"`+a.id+`","encryptedDefaultEncryptionPrivateKey":"secretA","encryptedDefaultSelfEncryptionKey":"secretB"}`,
		`data:{"status":"approved","enrollmentId":"`+a.id+`"}`+"\n@alice@")
	return a
}

// ask makes a request that waits for a decision.
func (b *box) ask(by *client, name, namespaces, more string) app {
	b.t.Helper()
	by.ask("otp:put:KNOWN_1", "data:ok\n@alice@")
	key, public := newKey(b.t)
	c := b.stranger()
	defer c.Close()
	m := c.json(fmt.Sprintf(`enroll:request:{"appName":%q,"deviceName":"phone","namespaces":%s,"otp":"KNOWN_1","encryptedAPKAMSymmetricKey":"secretC","apkamPublicKey":%q,"signingAlgo":"ecc_secp256r1"%s}`,
		name, namespaces, public, more), "@")
	return app{m["enrollmentId"].(string), key}
}

// as connects and logs in as an app.
func (b *box) as(a app) *client {
	b.t.Helper()
	c := b.stranger()
	c.send("from:@alice\n")
	challenge := strings.TrimSpace(strings.TrimPrefix(c.line(), "data:"))
	c.want("@")
	sum := sha256.Sum256([]byte(challenge))
	r, s, err := ecdsa.Sign(rand.Reader, a.key, sum[:])
	if err != nil {
		b.t.Fatal(err)
	}
	c.ask("pkam:enrollmentId:"+a.id+":"+base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%064x%064x", r, s)), "data:success\n@alice@")
	return c
}

// soonEnded reads to the end, which must come within a second.
func (c *client) soonEnded() {
	c.t.Helper()
	before := time.Now()
	c.wantEnd()
	if took := time.Since(before); took > time.Second {
		c.t.Errorf("ended after %v", took)
	}
}

func TestConnectionsOfTheRevokedEnd(t *testing.T) {
	b := start(t, Options{})
	first := b.firstApp()
	owner := b.as(first)
	manager := b.letIn(owner, "manager", `{"__manage":"rw","wavi":"rw"}`, "")
	m1, m2 := b.as(manager), b.as(manager)
	child := b.letIn(m1, "child", `{"wavi":"rw"}`, "")
	c1 := b.as(child)
	other := b.as(b.letIn(owner, "other", `{"wavi":"rw"}`, ""))
	stranger := b.stranger()

	owner.ask(`enroll:revoke:{"enrollmentId":"`+manager.id+`"}`,
		`data:{"status":"revoked","enrollmentId":"`+manager.id+`","cascadedEnrollmentIds":["`+child.id+`"]}`+"\n@alice@")
	m1.soonEnded()
	m2.soonEnded()
	c1.soonEnded()
	b.wantEnded(Ended, 3)
	for _, c := range []*client{owner, other} {
		c.ask("noop:0", "data:ok\n@alice@")
	}
	stranger.ask("noop:0", "data:ok\n@")
	b.wantEnded(Ended, 3)
}

// TestEndInTheMiddleOfACommand revokes an app that waits for an answer.
func TestEndInTheMiddleOfACommand(t *testing.T) {
	b := start(t, Options{})
	owner := b.as(b.firstApp())
	wavi := b.letIn(owner, "wavi", `{"wavi":"rw"}`, "")
	c := b.as(wavi)
	b.wantBusy(0)
	c.send("noop:2000\n")
	b.wantBusy(1)
	owner.ask(`enroll:revoke:{"enrollmentId":"`+wavi.id+`"}`, `data:{"status":"revoked","enrollmentId":"`+wavi.id+`"}`+"\n@alice@")
	c.soonEnded()
}

// TestConnectionsOfTheExpiredEnd with the next command, which is told why, or without one after a while.
func TestConnectionsOfTheExpiredEnd(t *testing.T) {
	b := start(t, Options{})
	owner := b.as(b.firstApp())
	short := b.letIn(owner, "short", `{"wavi":"rw"}`, `,"apkamKeysExpiryInMillis":2000`)
	one, two := b.as(short), b.as(short)
	b.pass(1999 * time.Millisecond)
	one.ask("noop:0", "data:ok\n@alice@")
	b.step(time.Millisecond)
	one.ask("noop:0", "error:AT0028:The enrollment id: "+short.id+" is expired. Closing the connection\n@alice@")
	one.soonEnded()
	b.step(expiredStays)
	two.soonEnded()
	b.wantEnded(Ended, 1)
	b.step(-time.Hour)
	owner.ask("noop:0", "data:ok\n@alice@")
	if _, status := b.env.Registry.Get(short.id); status != enroll.Expired {
		t.Errorf("the clock was set back, and it is %s", status)
	}
}

// TestSelfRevocationIsAnswered keeps the connection that asks, and no other one.
func TestSelfRevocationIsAnswered(t *testing.T) {
	b := start(t, Options{})
	owner := b.as(b.firstApp())
	wavi := b.letIn(owner, "wavi", `{"wavi":"rw"}`, "")
	asks, other := b.as(wavi), b.as(wavi)
	asks.ask(`enroll:revoke:force:{"enrollmentId":"`+wavi.id+`"}`,
		`data:{"status":"revoked","enrollmentId":"`+wavi.id+`","message":"Enrollment is revoked. Closing the connection in 10 seconds"}`+"\n@alice@")
	other.soonEnded()
	b.wantEnded(Ended, 1)
	asks.ask("llookup:phone.wavi@alice", "error:AT0027:The enrollment id: "+wavi.id+" is revoked. Closing the connection\n@alice@")
	asks.soonEnded()
}

// TestRefusedSelfRevocationSparesNobody tries to become immune by a revocation that is refused.
func TestRefusedSelfRevocationSparesNobody(t *testing.T) {
	b := start(t, Options{})
	first := b.firstApp()
	owner := b.as(first)
	// The last owner may not go. The connection that asked must end all the same once it may be ended.
	chief := b.letIn(owner, "chief", `{"*":"rw","__manage":"rw"}`, "")
	c := b.as(chief)
	owner.send(`enroll:revoke:force:{"enrollmentId":"` + first.id + `"}` + "\n")
	if line := owner.line(); !strings.HasPrefix(line, "error:AT0031-") {
		t.Fatalf("got %q", line)
	}
	owner.want("@alice@")
	spare := owner.json(`enroll:request:{"appName":"first","deviceName":"phone","apkamPublicKey":"`+func() string { _, p := newKey(t); return p }()+`","signingAlgo":"ecc_secp256r1"}`, "@alice@")
	if spare["status"] != "approved" {
		t.Fatal(spare)
	}
	if _, err := b.env.Registry.Revoke(operator, first.id, false, "local socket"); err != nil {
		t.Fatal(err)
	}
	owner.soonEnded()
	c.soonEnded() // fell with it
}
