package server

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// fault is one way in which another server fails, and what clients are told then.
type fault struct {
	at, how string
	cert    *issuedPair // nil: a good one
	code    string
}

// faults is every way at every step.
func faults(authority *issuer) []fault {
	const unconnected, silent, unproven, unexpected = "AT0004", "AT0023", "AT0008", "AT0011"
	all := []fault{
		{at: atAccept, how: hangs, code: silent}, {at: atAccept, how: closes, code: unconnected}, {at: atAccept, how: babbles, code: unconnected},
		{at: atHandshake, how: hangs, code: silent}, {at: atHandshake, how: closes, code: unconnected}, {at: atHandshake, how: babbles, code: unconnected},
		{at: atGreeting, how: hangs, code: silent}, {at: atGreeting, how: closes, code: unconnected}, {at: atGreeting, how: babbles, code: unconnected},
		{at: atGreeting, how: isFull, code: unconnected}, {at: atPol, how: neverLF, code: unproven}, {at: atRequest, how: neverLF, code: unexpected},
	}
	for at, code := range map[string]string{atLookup: unexpected, atFrom: unproven, atPol: unproven, atRequest: unexpected} {
		all = append(all, fault{at: at, how: hangs, code: silent})
		for _, how := range []string{closes, halves, babbles} {
			all = append(all, fault{at: at, how: how, code: code})
		}
	}
	expired := forHosts("localhost")
	expired.NotAfter = time.Now().Add(-time.Minute)
	for _, cert := range []issuedPair{authority.issue("elsewhere.example.org"), newIssuer(authority.t).issue("localhost"), authority.sign(expired)} {
		all = append(all, fault{at: atHandshake, how: "has a wrong certificate", cert: &cert, code: unconnected})
	}
	return all
}

// TestFaultsOfOthers: whatever another server does, and whatever the directory says of it, who asks it gets an error
// that says what is wrong; what it is to be told waits, and is told once when it is mended, or expires. All of them fail
// at the same time.
func TestFaultsOfOthers(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	all, entries, rogues := faults(authority), map[atkey.Sign]string{}, map[atkey.Sign]*rogue{}
	good := authority.issue("localhost")
	for i, f := range all {
		cert := f.cert
		if cert == nil {
			cert = &good
		}
		sign := atkey.Sign(fmt.Sprintf("@f%d", i))
		rogues[sign] = newRogue(t, cert.tls, f.at, f.how)
		entries[sign] = rogues[sign].address
	}
	slow := newRogue(t, good.tls, atRequest, inPieces)
	entries["@slow"] = slow.address
	entries["@down"] = freeAddress(t)
	w := newTownWith(t, authority, entries, func(o *Options) { o.PeerSilence = 2 * time.Second }, "@alice")
	alice, box := w.owner("@alice"), w.boxes["@alice"]

	texts := map[string]string{
		"AT0004": "Socket error : no connection to the server of %[1]s at %[2]s",
		"AT0023": "Timeout waiting for response : No response after 2000 millis from remote secondary %[1]s at %[2]s",
		"AT0008": "Handshake failure : from and pol with the server of %[1]s failed",
		"AT0011": "Internal server exception : Unexpected response from the server of %[1]s",
	}
	asking := map[atkey.Sign]*client{}
	for sign := range entries {
		alice.is("notify:id:n"+string(sign[1:])+":"+string(sign)+":x.wavi@alice:v", "data:n"+string(sign[1:]))
		asking[sign] = w.owner("@alice")
		asking[sign].send("lookup:x@" + string(sign[1:]) + "\n")
	}
	wants := func(sign atkey.Sign, what, want string) {
		t.Helper()
		if got := strings.TrimSuffix(asking[sign].line(), "\n"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
	}
	wants("@slow", "a slow one", "data:v")
	wants("@down", "nobody", "error:AT0004-"+fmt.Sprintf(texts["AT0004"], "@down", entries["@down"]))
	for i, f := range all {
		sign := atkey.Sign(fmt.Sprintf("@f%d", i))
		wants(sign, f.how+" at "+f.at, "error:"+f.code+"-"+fmt.Sprintf(texts[f.code], sign, entries[sign]))
	}

	status := func(sign atkey.Sign) string { return alice.says("notify:status:n" + string(sign[1:])) }
	eventually(t, func() bool { return status("@slow") == "data:delivered" })
	for i := range all {
		sign := atkey.Sign(fmt.Sprintf("@f%d", i))
		if got := status(sign); got != "data:queued" {
			t.Errorf("%s at %s: the notification is %s", all[i].how, all[i].at, got)
		}
		rogues[sign].mend()
	}
	box.pass(time.Second) // so long is left alone who is to be notified
	for i, f := range all {
		sign := atkey.Sign(fmt.Sprintf("@f%d", i))
		if f.cert == nil {
			eventually(t, func() bool { return status(sign) == "data:delivered" })
		}
		if n := rogues[sign].notified("n" + string(sign[1:])); (n == 1) != (f.cert == nil) {
			t.Errorf("%s at %s: told %d times", f.how, f.at, n)
		}
	}
	if n := slow.notified("nslow"); n != 1 {
		t.Errorf("the slow one was told %d times", n)
	}
	box.pass(15 * time.Minute)
	alice = w.owner("@alice")
	for i, f := range all {
		if sign := atkey.Sign(fmt.Sprintf("@f%d", i)); f.cert != nil && status(sign) != "data:expired" {
			t.Errorf("%s: the notification is %s", f.how, status(sign))
		}
	}
	if got := status("@down"); got != "data:expired" {
		t.Errorf("nobody: the notification is %s", got)
	}
}

// TestHangingServersHoldNobodyUp: while many wait for servers that hang at each step, others are reached as ever.
func TestHangingServersHoldNobodyUp(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	entries, rogues, cert := map[atkey.Sign]string{}, []*rogue{}, authority.issue("localhost")
	for i, at := range []string{atAccept, atHandshake, atGreeting, atLookup, atFrom, atPol, atRequest} {
		rogues = append(rogues, newRogue(t, cert.tls, at, hangs))
		entries[atkey.Sign(fmt.Sprintf("@f%d", i))] = rogues[i].address
	}
	w := newTownWith(t, authority, entries, func(o *Options) { o.PeerSilence = time.Hour }, "@alice", "@bob")
	alice, bob := w.owner("@alice"), w.owner("@bob")
	bob.says("update:@alice:xx@bob v")
	var waiting []*client
	for sign := range entries {
		alice.is("notify:id:n"+string(sign[1:])+":"+string(sign)+":x.wavi@alice:v", "data:n"+string(sign[1:]))
		for range 6 { // two more than are connected at once
			c := w.owner("@alice")
			c.send("lookup:x" + string(sign) + "\n")
			waiting = append(waiting, c)
		}
	}
	w.boxes["@alice"].wantBusy(len(waiting))
	alice.is("notify:id:n:@bob:x.wavi@alice:v", "data:n")
	for range 10 {
		alice.send("lookup:bypassCache:true:xx@bob\n")
		alice.want("data:v\n@alice@")
	}
	eventually(t, func() bool { return alice.says("notify:status:n") == "data:delivered" })
	w.boxes["@alice"].wantBusy(len(waiting)) // all of them still wait
	for _, r := range rogues {
		r.mend()
	}
	for _, c := range waiting {
		c.line()
	}
}

// TestDirectoryNamesAnotherServer: a server that is met where the directory says @eve's is, and which is another's, is
// not taken for hers: it learns nothing that is for her, and nothing that it says is believed.
func TestDirectoryNamesAnotherServer(t *testing.T) {
	t.Parallel()
	authority, open := newIssuer(t), func(o *Options) { o.PeerCertificates = false }
	other := newTownWith(t, authority, nil, open, "@bob")
	bob := other.owner("@bob")
	bob.says("update:public:publickey@bob bobs key")
	_, port, _ := net.SplitHostPort(other.boxes["@bob"].addr)
	w := newTownWith(t, authority, map[atkey.Sign]string{"@eve": "localhost:" + port}, nil, "@alice")
	alice := w.owner("@alice")
	alice.is("notify:id:n:@eve:x.wavi@alice:v", "data:n")
	alice.is("lookup:x@eve", "error:AT0008-Handshake failure : from and pol with the server of @eve failed")
	alice.is("plookup:publickey@eve", "error:AT0015-key not found : Exception: public:publickey@eve does not exist in keystore")
	alice.is("llookup:cached:public:publickey@eve", "error:AT0015-key not found : cached:public:publickey@eve does not exist in keystore")
	alice.is("notify:status:n", "data:queued")
	bob.is("notify:list", "data:null")
}

// TestNoDirectory: without one nobody new is found, which may pass; whoever asks is told.
func TestNoDirectory(t *testing.T) {
	t.Parallel()
	b := start(t, Options{Directory: freeAddress(t)})
	alice := b.owner()
	alice.is("notify:id:n:@bob:xx.wavi@alice:v", "data:n")
	for _, command := range []string{"lookup:xx@bob", "plookup:xx@bob", "scan:@bob"} {
		alice.is(command, "error:AT0011-Internal server exception : Exception: the directory is not reachable")
	}
	alice.is("notify:status:n", "data:queued")
}

// TestRefusedForGood: what the other server will never take is told to have failed, and what comes after it is delivered.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, "@alice", "@bob")
	alice := w.owner("@alice")
	alice.says("update:@bob:x@alice v") // no notification has a key of one character
	alice.is("notify:id:key:ttr:-1:@bob:a key:b@alice:v", "data:key")
	long := "notify:id:long:@bob:xx.wavi@alice:"
	alice.is(long+strings.Repeat("v", wire.MaxLine-1-len(long)), "data:long") // with all that is said of it, it is longer
	alice.is("notify:id:last:@bob:xx.wavi@alice:v", "data:last")
	eventually(t, func() bool { return alice.says("notify:status:last") == "data:delivered" })
	for _, id := range []string{"key", "long"} {
		alice.is("notify:status:"+id, "data:errored")
	}
	bob := w.owner("@bob")
	if list := bob.says("notify:list"); strings.Count(list, `"id":`) != 1 || !strings.HasPrefix(list, `data:[{"id":"last"`) {
		t.Errorf("@bob was told %s", list)
	}
}

// TestTriedAgain: who is to be notified is never left alone for longer than a second, whatever the outbox waits.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	full := newRogue(t, authority.issue("localhost").tls, atGreeting, isFull)
	w := newTownWith(t, authority, map[atkey.Sign]string{"@bob": full.address}, nil, "@alice")
	alice := w.owner("@alice")
	alice.is("notify:id:n:@bob:xx.wavi@alice:v", "data:n")
	box := w.boxes["@alice"]
	for n := range 4 {
		eventually(t, func() bool { return strings.Count(box.log.String(), "Peer not reached") == n+1 })
		box.clock.add(time.Second)
	}
	full.mend()
	eventually(t, func() bool { return alice.says("notify:status:n") == "data:delivered" })
}

// freeAddress is one at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}
