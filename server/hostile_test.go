package server

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/store/atkey"
)

// caller connects to the server of an atSign from a host that the directory names.
func (w *town) caller(to atkey.Sign) *client {
	w.t.Helper()
	return w.boxes[to].dial(dialing{roots: w.authority.pool(), cert: w.authority.issue("localhost").tls})
}

// claims says who it is, and returns what is to be proved.
func (c *client) claims(as atkey.Sign) (proof string) {
	c.t.Helper()
	c.send("from:" + string(as) + "\n")
	proof, ok := strings.CutPrefix(strings.TrimSpace(c.line()), "data:")
	c.want("@")
	if !ok || !strings.HasPrefix(proof, "proof:") {
		c.t.Fatalf("no challenge: %q", proof)
	}
	return proof
}

// peer connects to the server of an atSign, and proves to be that of another one.
func (w *town) peer(as, to atkey.Sign) *client {
	w.t.Helper()
	c := w.caller(to)
	proof := strings.Split(c.claims(as), ":")
	cookie, err := atkey.Parse("public:" + proof[1])
	if err != nil {
		w.t.Fatal(err)
	}
	keys := signingKeys{w.boxes[as].db, as}
	key, err := keys.SigningKey()
	if err != nil {
		w.t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(proof[2]))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	if err := keys.PutCookie(cookie, base64.StdEncoding.EncodeToString(signature)); err != nil {
		w.t.Fatal(err)
	}
	c.ask("pol", string(as)+"@")
	return c
}

// TestRelayedProof: @eve's server has @bob's sign what @alice's gave it to be signed, to pass for him there.
func TestRelayedProof(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	eve := newRogue(t, authority.issue("localhost").tls, "", "")
	w := newTownWith(t, authority, map[atkey.Sign]string{"@eve": eve.address}, nil, "@alice", "@bob")
	atAlice, bob := w.caller("@alice"), w.owner("@bob")
	eve.proof = atAlice.claims("@bob")
	bob.is("lookup:xx@eve", "error:AT0008-Handshake failure : from and pol with the server of @eve failed")
	cookie := strings.Split(eve.proof, ":")[1]
	atAlice.ask("pol", "error:AT0015-Exception: Exception: public:"+cookie+" does not exist in keystore\n@")
	atAlice.ask("notify:@alice:xx.wavi@bob:v", "error:AT0401-Exception: Command cannot be executed without auth\n@")
}

// TestCallerIsCalledBack: a server that was out of reach, and calls, is asked for its proof at once.
func TestCallerIsCalledBack(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	eve := newRogue(t, authority.issue("localhost").tls, atGreeting, isFull)
	w := newTownWith(t, authority, map[atkey.Sign]string{"@eve": eve.address}, nil, "@alice")
	alice, unreached := w.owner("@alice"), "Socket error : no connection to the server of @eve at "+eve.address
	alice.is("plookup:xx@eve", "error:AT0004-"+unreached)
	eve.mend()
	alice.is("plookup:xx@eve", "error:AT0004-"+unreached) // it is left alone
	c := w.caller("@alice")
	c.claims("@eve")
	c.ask("pol", "error:AT0401-Exception: Pol Authentication Failed\n@") // what it shows is no signature
}

// TestServerThatVouchesForNobody: who claims to be an atSign whose server hangs is told so after a while; meanwhile it
// takes nobody's place but its own, and not even that when others need it.
func TestServerThatVouchesForNobody(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	hanging := newRogue(t, authority.issue("localhost").tls, atLookup, hangs)
	w := newTownWith(t, authority, map[atkey.Sign]string{"@eve": hanging.address}, func(o *Options) {
		o.MaxConnections, o.MaxPerAddress, o.PeerSilence = five.MaxConnections, five.MaxPerAddress, 3*time.Second
	}, "@alice")
	alice := w.boxes["@alice"]
	var callers []*client
	for range 4 {
		c := w.caller("@alice")
		c.claims("@eve")
		callers = append(callers, c)
		alice.clock.add(time.Millisecond)
	}
	for _, c := range callers {
		c.send("pol\n")
	}
	alice.wantBusy(4)
	alice.refused(dialing{roots: authority.pool()})
	alice.clock.add(handshakeTimeout)
	w.owner("@alice").is("noop:0", "data:ok")
	callers[0].wantEnd()
	for _, c := range callers[1:] {
		c.want("error:AT0023-Exception: No response after 3000 millis from remote secondary @eve at " + hanging.address + "\n@")
		c.ask("noop:0", "data:ok\n@")
	}
}

// TestShareOfTheOwnerBesideServers: anybody can be the server of an atSign, so that these, too, leave places to the owner,
// however busy they are.
func TestShareOfTheOwnerBesideServers(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *Options) { o.MaxConnections, o.MaxPerAddress = five.MaxConnections, five.MaxPerAddress }, "@alice", "@eve")
	alice := w.boxes["@alice"]
	var peers []*client
	for range 4 {
		peers = append(peers, w.peer("@eve", "@alice"))
		alice.clock.add(time.Millisecond)
	}
	busily := func(d time.Duration) {
		alice.pass(d)
		for _, c := range peers {
			c.ask("noop:0", "data:ok\n@eve@")
		}
	}
	alice.wantTaken(4, 4)
	busily(handshakeTimeout - 5*time.Millisecond)
	alice.refused(dialing{roots: w.authority.pool()})
	busily(5 * time.Millisecond)
	w.owner("@alice").is("noop:0", "data:ok")
	peers[0].wantEnd()
	for _, c := range peers[1:] {
		c.ask("noop:0", "data:ok\n@eve@")
	}
}

// TestNotifyFlood: while one atSign notifies as fast as it can, the owner is served, and told of what others say.
func TestNotifyFlood(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob", "@eve")
	alice, bob, ear := w.owner("@alice"), w.owner("@bob"), w.owner("@alice")
	ear.send("monitor bob\n")
	w.boxes["@alice"].wantBusy(0)
	enough := make(chan struct{})
	var flood sync.WaitGroup
	var sent [3]int
	for i := range sent {
		c := w.peer("@eve", "@alice")
		flood.Go(func() {
			for ; ; sent[i]++ {
				select {
				case <-enough:
					return
				default:
				}
				var lines strings.Builder
				for n := range 50 {
					fmt.Fprintf(&lines, "notify:id:e%d-%d-%d:@alice:flood.wavi@eve:%s\n", i, sent[i], n, strings.Repeat("v", 1000))
				}
				c.send(lines.String())
				c.want(strings.Repeat("data:success\n@eve@", 50))
			}
		})
	}
	defer flood.Wait()
	defer close(enough)
	for i := range 20 {
		bob.is(fmt.Sprintf("notify:id:b%d:@alice:xx.wavi@bob:v", i), fmt.Sprintf("data:b%d", i))
		alice.is("noop:0", "data:ok")
		if got := alice.says("update:xx.wavi@alice v"); !strings.HasPrefix(got, "data:") {
			t.Error(got)
		}
	}
	for i := 0; i < 20; {
		switch line := ear.line(); {
		case strings.HasPrefix(line, fmt.Sprintf(`notification: {"id":"b%d","from":"@bob"`, i)):
			i++
		case !strings.HasPrefix(line, `notification: {"id":"-1"`):
			t.Fatalf("heard %q", line)
		}
	}
}
