package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// town is servers that know each other by a directory, with all that they demand of each other in production.
type town struct {
	t         *testing.T
	authority *issuer
	boxes     map[atkey.Sign]*box
}

// newTown runs a server for each atSign.
func newTown(t *testing.T, change func(*Options), signs ...atkey.Sign) *town {
	t.Helper()
	w := &town{t: t, authority: newIssuer(t), boxes: map[atkey.Sign]*box{}}
	entries := map[atkey.Sign]string{}
	listeners := map[atkey.Sign]net.Listener{}
	for _, sign := range signs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		listeners[sign] = l
		entries[sign] = "localhost:" + port
	}
	_, port, _ := net.SplitHostPort(listed(t, w.authority.issue("localhost"), entries))
	for _, sign := range signs {
		cert := w.authority.issue("localhost")
		folder := t.TempDir()
		o := Options{
			Sign: sign, Directory: "localhost:" + port, TrustFile: w.authority.file(), PeerCertificates: true,
			CertFile: filepath.Join(folder, "cert.pem"), KeyFile: filepath.Join(folder, "key.pem"),
		}
		for file, content := range map[string]string{o.CertFile: cert.chain, o.KeyFile: cert.key} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if change != nil {
			change(&o)
		}
		w.boxes[sign] = startAt(t, o, listeners[sign])
	}
	return w
}

// owner logs in at a server.
func (w *town) owner(sign atkey.Sign) *client {
	w.t.Helper()
	c := w.boxes[sign].dial(dialing{roots: w.authority.pool()})
	c.login()
	return c
}

// says sends a command and returns the answer without its prompt.
func (c *client) says(command string) string {
	c.t.Helper()
	c.send(command + "\n")
	line := c.line()
	c.want(string(c.sign) + "@")
	return strings.TrimSuffix(line, "\n")
}

// is says and compares.
func (c *client) is(command, want string) {
	c.t.Helper()
	if got := c.says(command); got != want {
		c.t.Errorf("%s\n got %q\nwant %q", command, got, want)
	}
}

// kept reads a record past all rules.
func (b *box) kept(key string) (value string, found bool) {
	b.t.Helper()
	k, err := atkey.Parse(key)
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.db.View(func(tx *store.Tx) error {
		r, err := tx.Get(k)
		value, found = string(r.Value), err == nil
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return value, found
}

// TestTwoServers: what one atSign shares another one reads, through the whole handshake, certificates included.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob")
	alice, bob := w.owner("@alice"), w.owner("@bob")
	alice.says("update:public:publickey@alice alices key")
	bob.says("update:public:publickey@bob bobs key")
	bob.says("update:ttr:60:@alice:x.wavi@bob for alice")
	bob.says("update:public:x.wavi@bob for all")
	bob.says("update:@carol:y.wavi@bob for carol")

	alice.is("lookup:x.wavi@bob", "data:for alice")
	alice.is("plookup:x.wavi@bob", "data:for all")
	alice.is("scan:@bob", `data:["x.wavi@bob"]`)
	alice.is("scan:@bob y", "data:[]")
	alice.is("lookup:y.wavi@bob", "error:AT0015-key not found : Exception: @alice:y.wavi@bob does not exist in keystore")
	alice.is("plookup:y.wavi@bob", "error:AT0015-key not found : Exception: public:y.wavi@bob does not exist in keystore")
	alice.is("lookup:x@nobody", "error:AT0007-Secondary server not found : Unable to find secondary address for atSign:@nobody")
	alice.is("noop:0", "data:ok")
	if got := alice.says("lookup:all:x.wavi@bob"); !strings.HasPrefix(got, `data:{"key":"cached:@alice:x.wavi@bob","data":"for alice",`) {
		t.Error(got)
	}
	alice.is("llookup:cached:public:publickey@bob", "data:bobs key")
	bob.is("llookup:cached:public:publickey@alice", "data:alices key") // learned when it verified

	// Connections: to @bob one that is proven and one that is not, and from @bob one.
	alice.is("stats:2", `data: [{"id":"2","name":"activeOutboundConnections","value":"2"}]`)
	bob.is("stats:2", `data: [{"id":"2","name":"activeOutboundConnections","value":"1"}]`)
	if got := bob.says("stats:16"); !strings.Contains(got, `"other":1`) {
		t.Error(got)
	}
	if got := bob.says("stats:5"); !strings.Contains(got, `@alice`) {
		t.Error(got)
	}
	// The signature is gone after a minute, and never was in a listing.
	w.boxes["@alice"].step(2 * time.Minute)
	if got := alice.says("scan:showhidden:true"); strings.Contains(got, "public:_") {
		t.Error(got)
	}
}

// TestServersCallEachOther: many clients of both servers at once, each of which needs the other to prove itself while
// it verifies that one.
func TestServersCallEachOther(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *Options) { o.MaxOutbound = 20 }, "@alice", "@bob")
	clients := map[atkey.Sign][]*client{}
	for sign, other := range map[atkey.Sign]atkey.Sign{"@alice": "@bob", "@bob": "@alice"} {
		for range 6 {
			clients[sign] = append(clients[sign], w.owner(sign))
		}
		clients[sign][0].says("update:" + string(other) + ":x" + string(sign) + " of " + string(sign))
	}
	var all sync.WaitGroup
	for sign, other := range map[atkey.Sign]atkey.Sign{"@alice": "@bob", "@bob": "@alice"} {
		for _, c := range clients[sign] {
			all.Go(func() {
				for range 10 {
					c.is("lookup:x"+string(other), "data:of "+string(other))
				}
			})
		}
	}
	all.Wait()
}

// TestSmallestPool: with a single place for connections two servers still come to terms: nobody waits for a place while
// holding one.
func TestSmallestPool(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *Options) { o.MaxOutbound = 1 }, "@alice", "@bob")
	alice, bob := w.owner("@alice"), w.owner("@bob")
	bob.says("update:@alice:x@bob v")
	alice.is("lookup:x@bob", "data:v")
	alice.says("update:@bob:x@alice v")
	bob.is("lookup:x@alice", "data:v")
	alice.is("lookup:x@bob", "data:v")
}

// TestPolNeedsTheServer: a stranger who claims to be @bob, from a machine with a certificate for @bob's host even, is
// not, without @bob's server showing the signature.
func TestPolNeedsTheServer(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob")
	cert := w.authority.issue("localhost")
	eve := w.boxes["@alice"].dial(dialing{roots: w.authority.pool(), cert: cert.tls})
	eve.send("from:@bob\n")
	line := eve.line()
	eve.want("@")
	session, _, ok := strings.Cut(strings.TrimPrefix(line, "data:proof:"), "@")
	if !ok {
		t.Fatal(line)
	}
	eve.ask("pol", "error:AT0015-Exception: Exception: public:"+session+"@bob does not exist in keystore\n@")
	eve.ask("pol", "error:AT0401-Exception: Pol Authentication Failed\n@")
	eve.ask("scan", "data:[\"signing_publickey@alice\"]\n@")
}

// TestPeerComesBack: a peer that is down costs one failure, and is found again.
func TestPeerComesBack(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob")
	alice, bob := w.owner("@alice"), w.owner("@bob")
	bob.is("config:set:autoNotify=false", "data:ok") // or @alice would have to verify who tells her
	bob.says("update:ttr:60:@alice:x@bob v")
	alice.is("lookup:x@bob", "data:v")
	if err := w.boxes["@bob"].end(); err != nil {
		t.Fatal(err)
	}
	down := alice.says("lookup:bypassCache:true:x@bob")
	if !strings.HasPrefix(down, "error:AT0004-Socket error : no connection to the server of @bob at localhost:") {
		t.Error(down)
	}
	alice.is("lookup:bypassCache:true:x@bob", down)
	alice.is("lookup:x@bob", "data:v")
	alice.is("stats:2", `data: [{"id":"2","name":"activeOutboundConnections","value":"0"}]`)
	start := w.boxes["@alice"]
	start.step(time.Minute)
	if start.peers.Open() != 0 {
		t.Error("a connection to nobody")
	}
}

// TestRefreshNow: copies are refreshed aside, on demand in testing mode and once a day.
func TestRefreshNow(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob")
	alice, bob := w.owner("@alice"), w.owner("@bob")
	a := w.boxes["@alice"]
	a.Step(a.clock.now()) // plans the daily run
	bob.says("update:ttr:60:@alice:x@bob one")
	alice.is("lookup:x@bob", "data:one")
	bob.says("update:ttr:60:@alice:x@bob two")
	a.pass(2 * time.Minute)
	alice.is("config:set:doCacheRefreshNow=true", "data:ok")
	becomes := func(want string) {
		t.Helper()
		eventually(t, func() bool {
			value, _ := a.kept("cached:@alice:x@bob")
			return value == want
		})
	}
	becomes("two")
	bob.says("update:ttr:60:@alice:x@bob three")
	eventually(t, func() bool { return len(a.refresher.busy) == 0 })
	a.clock.add(24 * time.Hour)
	w.boxes["@bob"].clock.add(24 * time.Hour)
	a.Step(a.clock.now())
	becomes("three")
}

// TestRefresherPlans: each server once a day, at its own time.
func TestRefresherPlans(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	r := b.refresher
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	r.at, r.next = 15*time.Hour, time.Time{}
	r.step(now)
	if want := now.Add(3 * time.Hour); !r.next.Equal(want) {
		t.Errorf("planned for %v", r.next)
	}
	r.step(now.Add(3 * time.Hour))
	if want := now.Add(27 * time.Hour); !r.next.Equal(want) {
		t.Errorf("planned for %v", r.next)
	}
	r.step(now.Add(1000 * time.Hour))
	if !r.next.After(now.Add(1000*time.Hour)) || r.next.After(now.Add(1024*time.Hour)) {
		t.Errorf("planned for %v", r.next)
	}
}

// TestCookies: the name of a cookie is the other server's choice, so none takes the place of a record.
func TestCookies(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	keys := signingKeys{b.db, "@alice"}
	k, err := atkey.Parse("public:_01234567-89ab-4cde-8f01-23456789abcd@alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.PutCookie(k, "signature"); err != nil {
		t.Fatal(err)
	}
	b.stranger().ask("lookup:"+k.Name+"@alice", "data:signature\n@")
	if keys.PutCookie(k, "another") == nil {
		t.Error("a record was replaced")
	}
	b.clock.add(time.Minute)
	if err := keys.PutCookie(k, "another"); err != nil {
		t.Errorf("in place of an expired one: %v", err)
	}
	if _, err := keys.SigningKey(); err != nil {
		t.Error(err)
	}
}

// TestOwnClientCertificate: other servers may be shown another certificate than clients, and info tells of it.
func TestOwnClientCertificate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pair := newIssuer(t).issue("alice.example.org")
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, content := range map[string]string{cert: pair.chain, key: pair.key} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := New(Options{Sign: "@alice", MTLSCertFile: cert}); err == nil || !strings.Contains(err.Error(), "together") {
		t.Errorf("a certificate without a key: %v", err)
	}
	b := start(t, Options{MTLSCertFile: cert, MTLSKeyFile: key})
	if b.Server.shown.current.Load().Leaf.Subject.String() == b.certificates.current.Load().Leaf.Subject.String() ||
		!slices.Equal(b.Server.shown.current.Load().Leaf.DNSNames, []string{"alice.example.org"}) {
		t.Error("the wrong certificate is shown")
	}
	c := b.stranger()
	c.send("info:mtls\n")
	if line := c.line(); !strings.Contains(line, strings.Split(pair.chain, "\n")[1]) {
		t.Errorf("%q", line)
	}
	c.want("@")
	next := newIssuer(t).issue("moved.example.org")
	for file, content := range map[string]string{cert: next.chain, key: next.key} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.ReloadCertificates()
	if !slices.Equal(b.Server.shown.current.Load().Leaf.DNSNames, []string{"moved.example.org"}) {
		t.Error("the certificate was not read again")
	}
}
