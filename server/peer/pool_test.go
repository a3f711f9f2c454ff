package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/store/atkey"
)

// withBob is a world in which @bob's server answers well.
func withBob(t *testing.T, change func(*Options)) (*world, *stub) {
	t.Helper()
	a, keys := newAuthority(t), &shelf{}
	bob := newStub(t, a.issue("localhost"), good("@bob", keys, challengeBy("@bob")))
	w := newWorldWith(t, a, map[atkey.Sign]string{"@bob": bob.addr}, func(o *Options) {
		o.Keys = keys
		if change != nil {
			change(o)
		}
	})
	w.keys = keys
	return w, bob
}

const learnedBob = `@bob {"key":"public:publickey@bob","data":"K","metaData":{}}`

// TestOrder: what is said on each connection, in which order, and that anonymous and proven ones are two.
func TestOrder(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, nil)
	w.gets("@bob", true, "lookup:all:x@bob", "lookup:all:x@bob")
	w.gets("@bob", true, "scan", "scan")
	w.gets("@bob", false, "lookup:y@bob", "lookup:y@bob")
	w.refused("@bob", false, "lookup:missing@bob", "AT0015")
	w.gets("@bob", false, "lookup:z@bob", "lookup:z@bob")
	w.gets("@bob", true, "notify:x", "notify:x")
	want := [][]string{
		{"lookup:all:publickey@bob", "from:@alice", "pol", "lookup:all:x@bob", "scan", "notify:x"},
		{"lookup:all:publickey@bob", "lookup:y@bob", "lookup:missing@bob", "lookup:z@bob"},
	}
	if got := bob.heard(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("said %q, want %q", got, want)
	}
	for range 2 {
		if got := <-w.learned; got != learnedBob {
			t.Errorf("learned %q", got)
		}
	}
	if n := bob.certs.Load(); n != 2 {
		t.Errorf("a client certificate was shown %d times", n)
	}
	if n := w.Open(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// TestOldPeer: a server of 2024 gives a bare UUID to sign and sends prompts in records of their own.
func TestOldPeer(t *testing.T) {
	t.Parallel()
	const challenge = "d6ca28b9-4af2-401c-8b1d-77aa9e0d0b1d"
	a, keys := newAuthority(t), &shelf{}
	answer := good("@old", keys, challenge)
	old := newStub(t, a.issue("localhost"), func(c *conversation, line string) string {
		reply := answer(c, line)
		if body, ok := strings.CutSuffix(reply, "\n@"); ok {
			return body + "\n\x00@"
		}
		return reply
	})
	w := newWorldWith(t, a, map[atkey.Sign]string{"@old": old.addr}, func(o *Options) { o.Keys = keys })
	for _, line := range []string{"lookup:all:x@old", "lookup:y@old", "scan"} {
		w.gets("@old", true, line, line)
	}
}

// TestUnknown: what the directory does not know is definite.
func TestUnknown(t *testing.T) {
	t.Parallel()
	w, _ := withBob(t, nil)
	for range 2 {
		if _, err := w.Ask(context.Background(), "@nobody", true, "scan"); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
	}
	if len(w.peers) != 0 || w.Open() != 0 {
		t.Errorf("%d names are kept, %d connections", len(w.peers), w.Open())
	}
	if all, failed := w.Asked(); all != 2 || failed != 0 {
		t.Errorf("%d requests, %d failed: to know nothing is an answer", all, failed)
	}
}

// TestStale: a connection that its server has closed costs a lookup nothing. What may do something twice is not
// repeated.
func TestStale(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, nil)
	w.gets("@bob", true, "lookup:x@bob", "lookup:x@bob")
	bob.cut()
	w.gets("@bob", true, "lookup:y@bob", "lookup:y@bob")
	bob.cut()
	w.fails("@bob", true, "notify:x", NoReply)
	w.gets("@bob", true, "notify:y", "notify:y")
	if n := w.Open(); n != 1 {
		t.Errorf("%d connections", n)
	}
	bob.cut()
	w.gets("@bob", true, "scan", "scan")
	said := bob.heard()
	if len(said) != 4 || !slices.Equal(said[3], []string{"lookup:all:publickey@bob", "from:@alice", "pol", "scan"}) {
		t.Errorf("said %q", said)
	}
	if all, failed := w.Asked(); all != 5 || failed != 1 {
		t.Errorf("%d requests, %d failed", all, failed)
	}
}

// TestMany: those who ask one peer at once get their own answers, over a few connections.
func TestMany(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, nil)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			line := fmt.Sprintf("lookup:x%d@bob", i)
			w.gets("@bob", i%2 == 0, line, line)
		})
	}
	all.Wait()
	if n := len(bob.heard()); n > 2*lanes || w.Open() != n {
		t.Errorf("%d connections, %d are counted", n, w.Open())
	}
}

// TestEviction: at the limit the connection goes that was used least recently, and nobody waits when all are in use.
func TestEviction(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	listed := map[atkey.Sign]string{}
	stubs := map[atkey.Sign]*stub{}
	for _, of := range []atkey.Sign{"@b", "@c", "@d"} {
		answer := good(string(of), nil, "")
		stubs[of] = newStub(t, a.issue("localhost"), func(c *conversation, line string) string {
			if strings.HasPrefix(line, "lookup:hold") {
				return hold
			}
			return answer(c, line)
		})
		listed[of] = stubs[of].addr
	}
	w := newWorldWith(t, a, listed, func(o *Options) { o.Limit = 2 })
	ask := func(of atkey.Sign) {
		t.Helper()
		w.clock.move(time.Second)
		w.gets(of, false, "lookup:x"+string(of), "lookup:x"+string(of))
	}
	ask("@b")
	ask("@c")
	ask("@b")
	ask("@d") // @c goes
	ask("@b")
	ask("@c") // @d goes
	for of, want := range map[atkey.Sign]int{"@b": 1, "@c": 2, "@d": 1} {
		if got := len(stubs[of].heard()); got != want {
			t.Errorf("%s was called %d times, want %d", of, got, want)
		}
	}
	if w.Open() != 2 {
		t.Errorf("%d connections", w.Open())
	}
	ctx, cancel := context.WithCancel(context.Background())
	var held sync.WaitGroup
	for _, of := range []atkey.Sign{"@b", "@c"} {
		held.Go(func() { w.Ask(ctx, of, false, "lookup:hold") })
		eventually(t, func() bool {
			for _, said := range stubs[of].heard() {
				if slices.Contains(said, "lookup:hold") {
					return true
				}
			}
			return false
		})
	}
	w.fails("@d", false, "lookup:x@d", Full)
	cancel()
	held.Wait()
	if n := w.Open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// TestIdle: a connection that was not used for long is closed, by the step or by who would use it.
func TestIdle(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, nil)
	w.gets("@bob", false, "lookup:x@bob", "lookup:x@bob")
	w.clock.move(defaultIdle - time.Second)
	w.Step()
	if w.Open() != 1 {
		t.Error("closed too early")
	}
	w.clock.move(time.Second)
	w.Step()
	if w.Open() != 0 || len(w.peers) != 0 {
		t.Errorf("%d connections, %d names", w.Open(), len(w.peers))
	}
	w.gets("@bob", false, "lookup:x@bob", "lookup:x@bob")
	w.clock.move(defaultIdle)
	w.gets("@bob", false, "lookup:x@bob", "lookup:x@bob")
	if n := len(bob.heard()); n != 3 {
		t.Errorf("%d connections were made", n)
	}
}

// TestCloseEndsRequests: a pool that ends leaves nobody waiting.
func TestCloseEndsRequests(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	mute := newStub(t, a.issue("localhost"), func(*conversation, string) string { return hold })
	w := newWorldWith(t, a, map[atkey.Sign]string{"@mute": mute.addr}, func(o *Options) { o.Network.Silence = time.Hour })
	var all sync.WaitGroup
	for range 2 * lanes {
		all.Go(func() {
			if _, err := w.Ask(context.Background(), "@mute", true, "scan"); err == nil {
				t.Error("an answer by nobody")
			}
		})
	}
	eventually(t, func() bool { return len(mute.heard()) == lanes })
	w.Pool.Close()
	all.Wait()
	if w.Open() != 0 {
		t.Errorf("%d connections", w.Open())
	}
	if _, err := w.Ask(context.Background(), "@mute", true, "scan"); err == nil {
		t.Error("a closed pool asks")
	}
}
