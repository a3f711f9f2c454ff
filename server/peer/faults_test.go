package peer

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"atserver/store/atkey"
)

// TestFaults: a peer that fails at one step, in one way, is told apart by what the caller learns, leaves no connection,
// and does not keep others from being asked.
func TestFaults(t *testing.T) {
	t.Parallel()
	ways := map[string]string{
		"hangs":            hold,
		"closes":           "",
		"breaks off":       "data:{\"key\":\"pub\x00\x00",
		"garbage":          "\x16\x03\x01 what?\n@",
		"another protocol": "HTTP/1.1 400 Bad Request\n\n",
		"a notification":   "notification: {}\n@",
	}
	steps := map[string]Why{"lookup:all:publickey@bob": NoReply, "from:@alice": NoProof, "pol": NoProof, "lookup:x@bob": NoReply}
	for way, reply := range ways {
		for step, why := range steps {
			t.Run(way+" at "+strings.TrimSuffix(step, "@bob"), func(t *testing.T) {
				t.Parallel()
				a, keys := newAuthority(t), &shelf{}
				answer := good("@bob", keys, challengeBy("@bob"))
				bob := newStub(t, a.issue("localhost"), func(c *conversation, line string) string {
					if line != step {
						return answer(c, line)
					}
					if way == "breaks off" {
						c.Write([]byte(reply))
						return ""
					}
					return reply
				})
				carol := newStub(t, a.issue("localhost"), good("@carol", keys, challengeBy("@carol")))
				w := newWorldWith(t, a, map[atkey.Sign]string{"@bob": bob.addr, "@carol": carol.addr}, func(o *Options) {
					o.Keys, o.Network.Silence = keys, 2*time.Second
				})
				want := why
				if reply == hold {
					want = Silent
				}
				w.fails("@bob", true, "lookup:x@bob", want)
				w.gets("@carol", true, "lookup:x@carol", "lookup:x@carol")
				if w.Open() != 1 {
					t.Errorf("%d connections", w.Open())
				}
			})
		}
	}
}

// TestErrorsOnTheWay: an error reply to the first lookup does not matter; one to from or pol is no reply to what was
// asked.
func TestErrorsOnTheWay(t *testing.T) {
	t.Parallel()
	const refusal = "error:AT0013-Exception: Unable to connect\n@"
	for step, fails := range map[string]bool{"lookup:all:publickey@bob": false, "from:@alice": true, "pol": true} {
		a, keys := newAuthority(t), &shelf{}
		answer := good("@bob", keys, challengeBy("@bob"))
		bob := newStub(t, a.issue("localhost"), func(c *conversation, line string) string {
			if line == step {
				return refusal
			}
			return answer(c, line)
		})
		w := newWorldWith(t, a, map[atkey.Sign]string{"@bob": bob.addr}, func(o *Options) { o.Keys = keys })
		if fails {
			w.fails("@bob", true, "scan", NoProof)
			w.gets("@bob", false, "lookup:x@bob", "lookup:x@bob")
		} else {
			w.gets("@bob", true, "scan", "scan")
		}
		w.Pool.Close()
	}
}

// TestFullPeer: a server without a place says so instead of greeting.
func TestFullPeer(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, nil)
	full := "error:AT0012-Inbound connection limit exceeded\n"
	bob.greet.Store(&full)
	w.fails("@bob", false, "scan", NoConnection)
}

// TestSlow: bytes that keep coming break the silence, and the whole still has an end.
func TestSlow(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	slow := newStub(t, a.issue("localhost"), func(c *conversation, line string) string {
		for range 100 {
			if _, err := c.Write([]byte("data:")); err != nil {
				return ""
			}
			<-time.After(20 * time.Millisecond)
		}
		return "\n@"
	})
	w := newWorldWith(t, a, map[atkey.Sign]string{"@slow": slow.addr}, func(o *Options) {
		o.Network.Silence, o.Total = time.Minute, 300*time.Millisecond
	})
	w.fails("@slow", false, "scan", Silent)
}

// TestLongRequest: what takes long to arrive is answered late, and that is no silence.
func TestLongRequest(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	answer := good("@bob", nil, "")
	bob := newStub(t, a.issue("localhost"), func(c *conversation, line string) string {
		if strings.HasPrefix(line, "scan") {
			<-time.After(1500 * time.Millisecond) // on its way
			return "data:taken\n@"
		}
		return answer(c, line)
	})
	w := newWorldWith(t, a, map[atkey.Sign]string{"@bob": bob.addr}, func(o *Options) {
		o.Network.Silence, o.Total = time.Second, 1400*time.Millisecond
	})
	w.gets("@bob", false, "scan "+strings.Repeat("x", 5*slowest), "taken")
	w.fails("@bob", false, "scan", Silent)
}

// TestWrongCertificates: who is met must be the host that the directory named, by an authority that we trust.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	answer := func(*conversation, string) string {
		t.Error("something was said to a stranger")
		return ""
	}
	host := newStub(t, a.issue("elsewhere.example.org"), answer)
	forged := newStub(t, newAuthority(t).issue("localhost"), answer)
	w := newWorldWith(t, a, map[atkey.Sign]string{"@host": host.addr, "@forged": forged.addr}, nil)
	w.fails("@host", false, "scan", NoConnection)
	w.fails("@forged", true, "scan", NoConnection)
}

// TestBackoff: a peer that is down is not called again by everybody; once it is back it is found.
func TestBackoff(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			calls <- struct{}{}
			conn.Close()
		}
	}()
	defer func() {
		l.Close()
		<-ended
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	w := newWorld(t, map[atkey.Sign]string{"@bob": "localhost:" + port}, nil)
	first := w.fails("@bob", false, "scan", NoConnection)
	for range 10 {
		if again := w.fails("@bob", false, "scan", NoConnection); again != first {
			t.Errorf("%v is another failure than %v", again, first)
		}
	}
	if len(calls) != 1 {
		t.Errorf("%d calls", len(calls))
	}
	w.fails("@bob", true, "scan", NoConnection) // what may fail for another reason
	for pause := leastPause; pause < 4*mostPause; pause *= 2 {
		w.clock.move(min(pause, mostPause))
		w.fails("@bob", false, "scan", NoConnection)
		w.fails("@bob", false, "scan", NoConnection)
	}
	if len(calls) != 9 {
		t.Errorf("%d calls", len(calls))
	}
	w.clock.move(3 * mostPause)
	w.Step()
	if len(w.peers) != 0 {
		t.Errorf("%d names are kept", len(w.peers))
	}
}

// TestPause: the longest pause is what the options say.
func TestPause(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, func(o *Options) { o.Pause = 2 * leastPause })
	full := "error:AT0012-Inbound connection limit exceeded\n"
	bob.greet.Store(&full)
	for n := range 5 {
		w.fails("@bob", false, "scan", NoConnection)
		w.fails("@bob", false, "scan", NoConnection)
		if calls := len(bob.heard()); calls != n+1 {
			t.Fatalf("%d calls after %d pauses", calls, n)
		}
		w.clock.move(2 * leastPause)
	}
}

// TestCancelled: who gives up leaves no mark on the peer.
func TestCancelled(t *testing.T) {
	t.Parallel()
	w, bob := withBob(t, nil)
	answer := bob.answer
	bob.answer = func(c *conversation, line string) string {
		if line == "lookup:hold@bob" {
			return hold
		}
		return answer(c, line)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := w.Ask(ctx, "@bob", false, "lookup:hold@bob")
		done <- err
	}()
	eventually(t, func() bool { h := bob.heard(); return len(h) == 1 && len(h[0]) == 2 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	w.gets("@bob", false, "lookup:x@bob", "lookup:x@bob")
}
