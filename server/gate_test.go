package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a full house looks like: of five places, strangers may fill four.
var five = Options{MaxConnections: 5, MaxPerAddress: 5}

func TestTotalLimit(t *testing.T) {
	t.Parallel()
	b := start(t, five)
	var clients []*client
	for range 4 {
		clients = append(clients, b.stranger())
	}
	b.refused(dialing{})
	b.refused(dialing{from: "127.0.0.2"})
	b.wantEnded(Full, 2)
	b.wantTaken(4, 4)
	for _, c := range clients {
		c.ask("noop:0", "data:ok\n@")
	}
	clients[1].Close()
	b.wantTaken(3, 3)
	b.stranger().ask("noop:0", "data:ok\n@")
}

func TestLimitPerAddress(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxConnections: 20, MaxPerAddress: 2})
	first := b.stranger()
	b.stranger()
	b.refused(dialing{})
	other := b.dial(dialing{from: "127.0.0.2"})
	b.dial(dialing{from: "127.0.0.2"})
	b.refused(dialing{from: "127.0.0.2"})
	b.refused(dialing{})

	first.ask("noop:0", "data:ok\n@")
	first.Close()
	b.wantTaken(3, 3)
	b.stranger()
	b.refused(dialing{})
	other.ask("noop:0", "data:ok\n@")
}

func TestDefaultLimitPerAddressIsHalf(t *testing.T) {
	for places, want := range map[int]int{0: 100, 200: 100, 5: 2, 1: 1} {
		if got := (Options{MaxConnections: places}).withDefaults().MaxPerAddress; got != want {
			t.Errorf("of %d places: got %d, want %d", places, got, want)
		}
	}
}

func TestShareOfTheOwner(t *testing.T) {
	t.Parallel()
	b := start(t, five)
	owner := b.owner()
	b.wantTaken(1, 0)
	for range 4 {
		b.stranger()
	}
	b.wantTaken(5, 4)
	b.refused(dialing{}) // all five are taken
	owner.ask("noop:0", "data:ok\n@alice@")
	owner.Close()
	b.wantTaken(4, 4)
	b.refused(dialing{}) // the fifth is none for strangers

	b.step(5 * time.Second) // they are silent, so one of them makes way
	owner = b.owner()
	b.wantTaken(4, 3)
	b.stranger() // now that the owner proved to be himself, strangers may be four again
	b.wantTaken(5, 4)
	owner.ask("noop:0", "data:ok\n@alice@")
}

func TestFailedProofMakesAStranger(t *testing.T) {
	t.Parallel()
	b := start(t, five)
	c := b.owner()
	b.wantTaken(1, 0)
	c.send("from:@alice\n")
	c.line()
	c.want("@alice@")
	c.ask("cram:"+strings.Repeat("0", 128), "error:AT0401-Exception: Authentication Failed\n@")
	b.wantTaken(1, 1)
	c.login()
	b.wantTaken(1, 0)
	c.Close()
	b.wantTaken(0, 0)
}

// A full server lets new clients in at the cost of strangers, who are told apart
// by their silence and then by their age.
func TestMakingWay(t *testing.T) {
	t.Parallel()
	const second = time.Second
	tests := []struct {
		name   string
		silent [4]time.Duration // how long each of the four strangers, who came at once
		age    time.Duration    // at the end
		way    int              // who makes way, -1: nobody
	}{
		{"nobody is silent", [4]time.Duration{0, 0, 0, 0}, 0, -1},
		{"not silent enough", [4]time.Duration{4 * second, 4999 * time.Millisecond, 0, 0}, 5 * second, -1},
		{"silent just enough", [4]time.Duration{0, 0, 5 * second, 0}, 5 * second, 2},
		{"the most silent", [4]time.Duration{6 * second, 7 * second, 8 * second, 0}, 8 * second, 2},
		{"none of them, though old", [4]time.Duration{0, 4 * second, 0, 0}, 9999 * time.Millisecond, -1},
		{"silence before age", [4]time.Duration{0, 0, 0, 5 * second}, 20 * second, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := start(t, five)
			var clients [4]*client
			for i := range clients {
				clients[i] = b.stranger()
			}
			left := test.age
			for _, silent := range slices.Backward(slices.Sorted(slices.Values(test.silent[:]))) {
				b.pass(left - silent)
				left = silent
				for i, c := range clients {
					if test.silent[i] == silent {
						c.ask("noop:0", "data:ok\n@")
					}
				}
			}
			b.pass(left)
			if test.way < 0 {
				b.refused(dialing{})
				return
			}
			b.stranger().ask("noop:0", "data:ok\n@")
			clients[test.way].wantEnd()
			b.wantEnded(Full, 1)
			for i, c := range clients {
				if i != test.way {
					c.ask("noop:0", "data:ok\n@")
				}
			}
			b.wantTaken(4, 4)
		})
	}
}

// Nobody keeps the owner out by staying busy: who is still a stranger after ten
// seconds makes way, the oldest first.
func TestBusyStrangersMakeWayOfAge(t *testing.T) {
	t.Parallel()
	b := start(t, five)
	oldest := b.stranger()
	b.pass(time.Second)
	rest := []*client{b.stranger(), b.stranger(), b.stranger()}
	busily := func(d time.Duration) {
		b.pass(d)
		for _, c := range append(rest, oldest) {
			c.ask("noop:0", "data:ok\n@")
		}
		b.wantBusy(0)
	}
	busily(8999 * time.Millisecond)
	b.refused(dialing{})
	busily(time.Millisecond)
	b.owner()
	oldest.wantEnd()
	b.wantTaken(4, 3)
	for _, c := range rest {
		c.ask("noop:0", "data:ok\n@")
	}
}

func TestOwnersMakeWayForNobody(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxConnections: 3, MaxPerAddress: 9})
	owners := []*client{b.owner(), b.owner()}
	stranger := b.stranger()
	b.pass(5 * time.Second)
	next := b.stranger()
	stranger.wantEnd()
	for _, c := range owners {
		c.ask("noop:0", "data:ok\n@alice@")
	}
	next.login()
	b.pass(30 * time.Second)
	b.refused(dialing{})
	b.pass(30*time.Second + time.Millisecond) // in a full house owners may be silent for a minute
	owners[0].ask("noop:0", "data:ok\n@alice@")
	b.wantBusy(0)
	b.stranger()
	owners[1].wantEnd()
	next.wantEnd()
	b.wantEnded(Idle, 2)
	owners[0].ask("noop:0", "data:ok\n@alice@")
}

// Of two places one is for strangers, and of one that one: the owner comes as a
// stranger.
func TestFewPlaces(t *testing.T) {
	t.Parallel()
	for places := 1; places <= 3; places++ {
		b := start(t, Options{MaxConnections: places})
		b.owner().ask("noop:0", "data:ok\n@alice@")
	}
}

// However a connection ends, its place is free, and the end has its reason.
func TestPlacesAreFreed(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxConnections: 5, MaxPerAddress: 5, LineBudget: 1 << 20})
	ways := []struct {
		name string
		why  Reason
		end  func()
	}{
		{"closed", ClientGone, func() { b.stranger().Close() }},
		{"closed by the owner", ClientGone, func() { b.owner().Close() }},
		{"closed without a goodbye", ClientGone, func() { b.stranger().NetConn().Close() }},
		{"reset", Broken, func() {
			c := b.stranger()
			c.raw.Conn.(*net.TCPConn).SetLinger(0)
			c.raw.Close()
		}},
		{"exit", ClientExit, func() {
			c := b.stranger()
			c.send("@exit\n")
			c.wantEnd()
		}},
		{"third failed proof", Refused, func() {
			c := b.stranger()
			for range 3 {
				c.ask("cram:0", "error:AT0401-Exception: Authentication Failed\n@")
			}
			c.wantEnd()
		}},
		{"no atSign", Refused, func() {
			c := b.stranger()
			c.ask("from:@a&b", "error:AT0011-Exception: invalid @sign")
			c.line()
			c.want("@")
			c.wantEnd()
		}},
		{"no memory", Overflow, func() {
			c := b.stranger()
			io.WriteString(c, strings.Repeat("x", 1<<20))
		}},
		{"idle", Idle, func() {
			c := b.stranger()
			b.step(11 * time.Minute)
			c.wantEnd()
		}},
		{"owner idle", Idle, func() {
			c := b.owner()
			b.step(11 * time.Minute)
			c.wantEnd()
		}},
		{"silent before the handshake", NoHandshake, func() { b.raw().Close() }},
		{"never spoke", Idle, func() {
			c := b.raw()
			b.wantTaken(1, 1)
			b.step(11 * time.Minute)
			if rest, _ := io.ReadAll(c); len(rest) != 0 {
				t.Errorf("got %q", rest)
			}
		}},
		{"no TLS", NoHandshake, func() {
			c := b.raw()
			io.WriteString(c, "from:@alice\n")
			if rest, _ := io.ReadAll(c); strings.Contains(string(rest), "@") {
				t.Errorf("got %q", rest)
			}
		}},
		{"old TLS", NoHandshake, func() { b.try(dialing{version: tls.VersionTLS11}) }},
		{"fault in a command", Panicked, func() {
			c := b.stranger()
			b.clock.breakIn("atserver/verbs.(*Set).Exec")
			c.ask("from:@alice", "error:AT0011-Exception: Exception: internal failure\n@")
			c.wantEnd()
		}},
		{"fault of the connection", Panicked, func() {
			c := b.stranger()
			b.clock.breakIn("atserver/server.(*conn).touch")
			c.send("noop:0\n")
			c.wantEnd()
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			b.t = t
			before := b.ended[way.why].Load()
			way.end()
			b.wantEnded(way.why, before+1)
			b.wantTaken(0, 0)
		})
	}
	b.t = t
	t.Run("nothing is left", func(t *testing.T) {
		total := int64(0)
		for i := range b.ended {
			total += b.ended[i].Load()
		}
		if total != int64(len(ways)) || b.budget.free.Load() != 1<<20 || b.turnedAway.Load() != 0 {
			t.Errorf("%d ends, %d bytes free, %d turned away", total, b.budget.free.Load(), b.turnedAway.Load())
		}
	})
	t.Run("every end is logged with its reason", func(t *testing.T) {
		for _, way := range ways {
			if !strings.Contains(b.log.String(), fmt.Sprintf(`"%s":"%s","message":"Connection ended"`, fieldReason, way.why)) {
				t.Errorf("no line about an end with reason %q", way.why)
			}
		}
	})
}

// raw connects without TLS.
func (b *box) raw() net.Conn {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// Telling people that there is no place takes resources, too.
func TestFewAreTurnedAwayPolitely(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxConnections: 2, MaxPerAddress: 2})
	b.stranger()
	var waiting []net.Conn
	for range maxTurnedAway {
		waiting = append(waiting, b.raw())
	}
	eventually(t, func() bool { return b.turnedAway.Load() == maxTurnedAway })
	if rest, _ := io.ReadAll(b.raw()); len(rest) != 0 {
		t.Errorf("got %q", rest)
	}
	b.wantEnded(Full, 1)
	for _, c := range waiting {
		c.Close()
	}
	eventually(t, func() bool { return b.turnedAway.Load() == 0 })
	b.refused(dialing{})
	b.wantTaken(1, 1)
}

// The formula of the protocol for the time that a connection may be silent:
// half of the places are free of charge, then the time shrinks.
func TestAllowed(t *testing.T) {
	const (
		minute = time.Minute
		second = time.Second
	)
	tests := []struct {
		taken, places       int
		longest, least, ans time.Duration
	}{
		{0, 200, 10 * minute, 5 * second, 10 * minute},
		{100, 200, 10 * minute, 5 * second, 10 * minute},
		{101, 200, 10 * minute, 5 * second, 594050 * time.Millisecond},
		{150, 200, 10 * minute, 5 * second, 302500 * time.Millisecond},
		{199, 200, 10 * minute, 5 * second, 10950 * time.Millisecond},
		{200, 200, 10 * minute, 5 * second, 5 * second},
		{201, 200, 10 * minute, 5 * second, 5 * second},
		{200, 200, 10 * minute, minute, minute},
		{150, 200, 10 * minute, minute, 330 * second},
		{100, 200, 30 * 24 * time.Hour, minute, 30 * 24 * time.Hour},
		{200, 200, 30 * 24 * time.Hour, minute, minute},
		{0, 5, 10 * minute, 5 * second, 10 * minute},
		{2, 5, 10 * minute, 5 * second, 10 * minute},
		{3, 5, 10 * minute, 5 * second, (595*second)*2/3 + 5*second},
		{5, 5, 10 * minute, 5 * second, 5 * second},
		{0, 1, 10 * minute, 5 * second, 10 * minute},
		{1, 1, 10 * minute, 5 * second, 5 * second},
		// who allows less than the least means it
		{0, 200, second, 5 * second, second},
		{200, 200, second, 5 * second, second},
		// large servers, and the 30 days that the reference server once allowed
		{0, 20000, 30 * 24 * time.Hour, minute, 30 * 24 * time.Hour},
		{20000, 20000, 30 * 24 * time.Hour, minute, minute},
	}
	for _, test := range tests {
		if got := allowed(test.taken, test.places, test.longest, test.least); got != test.ans {
			t.Errorf("%d of %d places, %s to %s: got %s, want %s", test.taken, test.places, test.least, test.longest, got, test.ans)
		}
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxConnections: 20, MaxPerAddress: 20, AnonymousIdle: time.Minute, OwnerIdle: time.Hour})
	stranger, owner := b.stranger(), b.owner()
	b.step(time.Minute) // not longer than allowed
	stranger.ask("noop:0", "data:ok\n@")
	b.step(time.Minute)
	b.wantTaken(2, 1)
	b.step(time.Millisecond)
	stranger.wantEnd()
	owner.ask("noop:0", "data:ok\n@alice@")
	b.step(time.Hour)
	b.wantTaken(1, 0)
	b.step(time.Millisecond)
	owner.wantEnd()
	b.wantEnded(Idle, 2)
}

// The fuller the house, the shorter silence is borne.
func TestIdleUnderLoad(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxConnections: 8, MaxPerAddress: 8})
	var clients []*client
	for range 6 { // two beyond half of the places: 5 s + 595 s * 2/4
		clients = append(clients, b.stranger())
	}
	b.step(302500 * time.Millisecond)
	b.wantTaken(6, 6)
	clients[0].ask("noop:0", "data:ok\n@")
	b.step(time.Millisecond)
	for _, c := range clients[1:] {
		c.wantEnd()
	}
	b.wantTaken(1, 1)
	clients[0].ask("noop:0", "data:ok\n@")
}

func TestACommandIsNoSilence(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c, idle := b.stranger(), b.stranger()
	c.send("noop:300\n")
	b.wantBusy(1)
	b.Step(b.clock.add(time.Hour))
	idle.wantEnd()
	c.want("data:ok\n@")
	c.ask("noop:0", "data:ok\n@")
	b.wantEnded(Idle, 1)
}
