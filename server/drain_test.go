package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"atserver/store"
)

// Who waits is let go, who is served is served to the end.
func TestDrain(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	idle, ownerIdle := b.stranger(), b.owner()
	half := b.stranger()
	half.send("noop:")
	silent := b.raw()
	one, many := b.stranger(), b.owner()
	b.wantTaken(6, 4)
	b.wantBusy(0)
	one.send("noop:400\n")
	many.send("noop:200\nupdate:public:last@alice words\nnoop:200\n")
	b.wantBusy(2)

	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- b.end() }()
	for _, c := range []*client{idle, ownerIdle, half} {
		c.wantEnd()
	}
	if n, err := silent.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if conn, err := net.Dial("tcp", b.addr); err == nil {
		conn.Close()
		t.Error("the listener is still open")
	}
	one.want("data:ok\n@")
	one.wantEnd()
	many.want("data:ok\n@alice@data:")
	many.line()
	many.want("@alice@data:ok\n@alice@")
	many.wantEnd()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took >= drainTimeout {
		t.Errorf("it took %s", took)
	}
	if err := b.db.View(func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("the store: %v", err)
	}
	b.wantTaken(0, 0)
	if n := b.ended[Shutdown].Load(); n != 6 {
		t.Errorf("%d connections ended for the shutdown", n)
	}
}

// The end of the server does not wait for who could be let go, however busy the
// connections are at that moment.
func TestDrainIsQuickUnderLoad(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	var clients sync.WaitGroup
	for range 20 {
		c := b.stranger()
		clients.Go(func() {
			buf := make([]byte, 64)
			for {
				if _, err := c.Write([]byte("noop:0\n")); err != nil {
					return
				}
				if _, err := c.Read(buf); err != nil {
					return
				}
			}
		})
	}
	b.wantTaken(20, 20)
	began := time.Now()
	if err := b.end(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > drainTimeout/2 {
		t.Errorf("it took %s", took)
	}
	clients.Wait()
}

// What was acknowledged is there after a restart.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for generation := range 3 {
		b := start(t, Options{Dir: dir})
		c := b.owner()
		if generation > 0 {
			c.ask("llookup:public:kept@alice", "data:"+strings.Repeat("x", generation)+"\n@alice@")
			c.ask("llookup:public:gone@alice", "error:AT0015-key not found : public:gone@alice does not exist in keystore\n@alice@")
		}
		// the signing keys have the first two commit ids
		c.ask("update:public:kept@alice "+strings.Repeat("x", generation+1), number(3*generation+2))
		c.ask("update:public:gone@alice x", number(3*generation+3))
		c.ask("delete:public:gone@alice", number(3*generation+4))
		if err := b.end(); err != nil {
			t.Fatal(err)
		}
	}
}

// number is the answer with a commit id.
func number(id int) string { return fmt.Sprintf("data:%d\n@alice@", id) }

// A folder serves one server, of one atSign. Who is turned away changes nothing.
func TestFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, Options{Dir: dir})
	c := b.owner()
	before := contents(t, filepath.Join(dir, "tls"))
	refuse := func(o Options, want string) {
		t.Helper()
		o.Dir, o.CRAMSecret, o.Name = dir, cramSecret, "other.example.org"
		s, err := New(o)
		if s != nil || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, want)
		}
		for name, text := range contents(t, filepath.Join(dir, "tls")) {
			if before[name] != text {
				t.Errorf("%s has changed", name)
			}
		}
	}
	refuse(Options{Sign: "@alice"}, "in use")
	refuse(Options{Sign: "@bob"}, "in use")
	c.ask("noop:0", "data:ok\n@alice@")
	if err := b.end(); err != nil {
		t.Fatal(err)
	}
	refuse(Options{Sign: "@bob"}, "@alice")
	start(t, Options{Dir: dir}).owner()
}

// What New refuses it refuses in one line, before it makes anything.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"no atSign":        {CRAMSecret: cramSecret},
		"128 bits":         {Sign: "@alice", CRAMSecret: "0123456789"},
		"nobody to hand":   {Sign: "@alice"},
		"full of scruples": {Sign: "@alice", Deliver: func(string) error { return errors.New("full of scruples") }},
	} {
		t.Run(want, func(t *testing.T) {
			o.Dir = t.TempDir()
			s, err := New(o)
			if s != nil || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, want)
			}
			if strings.Contains(err.Error(), "0123456789") {
				t.Error("the secret is in the error")
			}
			if made := contents(t, o.Dir); len(made) != 0 && (o.Sign == "" || o.CRAMSecret != "") {
				t.Errorf("%d files were made", len(made))
			}
		})
	}
}

func TestSecretOfItsOwnMaking(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var delivered []string
	refuse := true
	serve := func(want int) {
		t.Helper()
		s, err := New(Options{Sign: "@alice", Dir: dir, Deliver: func(secret string) error {
			if refuse {
				return errors.New("not now")
			}
			delivered = append(delivered, secret)
			return nil
		}})
		if (err != nil) != refuse {
			t.Fatal(err)
		}
		if err == nil {
			if !s.AwaitsOnboarding() {
				t.Error("it awaits nobody")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if len(delivered) != want {
			t.Fatalf("%d secrets were made", len(delivered))
		}
	}
	serve(0)
	refuse = false
	serve(1) // a secret that nobody got is no secret
	serve(1) // and one that somebody got is kept
	if len(delivered[0]) != 64 {
		t.Errorf("a secret of %d digits", len(delivered[0]))
	}
	for name, text := range contents(t, dir) {
		if strings.Contains(text, delivered[0]) {
			t.Errorf("the secret is in %s", name)
		}
	}
}

// A server in memory leaves nothing behind.
func TestNothingIsLeftOfMemory(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	folder := filepath.Dir(b.CAFile())
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	b.end()
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", folder, err)
	}
}

// Run says when its listener was closed by others, and ends in order.
func TestListenerClosedByOthers(t *testing.T) {
	t.Parallel()
	b := &box{t: t, clock: newClock(), log: &lockedBuffer{}}
	s := b.open(Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Run(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := s.db.View(func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("the store: %v", err)
	}
}

// The time limits of a connection, to the moment.

func TestHandshakeTakesTooLong(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		began := time.Now()
		b.raw().Read(make([]byte, 1))
		b.wantGone(began, handshakeTimeout, NoHandshake)
	})
}

func TestTurnedAwayTakesTooLong(t *testing.T) {
	inBubble(t, Options{MaxConnections: 2, MaxPerAddress: 1}, nil, func(b *bubble) {
		first := b.stranger()
		c := b.dial()
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		synctest.Wait()
		if n := b.turnedAway.Load(); n != 1 {
			t.Fatalf("%d are turned away", n)
		}
		for b.turnedAway.Load() != 0 { // it never reads what it is told
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(began); took > handshakeTimeout+2*time.Second {
			t.Errorf("it took %s", took)
		}
		first.ask("noop:0", "data:ok\n@")
	})
}

func TestGoodbyeTakesTooLong(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		c := b.stranger()
		began := time.Now()
		c.send("@exit\n")
		time.Sleep(time.Second) // it does not listen to a goodbye
		b.wantGone(began, time.Second, ClientExit)
	})
}

// Commands that take longer than the server waits for them are given up.
func TestDrainGivesUp(t *testing.T) {
	for name, commands := range map[string]string{
		"on commands":                    strings.Repeat("noop:5000\n", 3),
		"on a client that reads nothing": "noop:0\n",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, nil, func(b *bubble) {
				c := b.stranger()
				c.send(commands)
				synctest.Wait()
				if c := b.places()[0]; !c.busy.Load() {
					t.Fatal("nothing is under way")
				}
				began := time.Now()
				if name == "on commands" {
					go c.wantEnds("data:ok\n@")
				}
				if err := b.end(); err != nil {
					t.Error(err)
				}
				b.wantGone(began, drainTimeout, Shutdown)
			})
		})
	}
}

// wantEnds reads to the end, before which an answer may come again and again.
func (c *client) wantEnds(answer string) {
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if strings.ReplaceAll(string(buf[:n]), answer, "") != "" {
			c.t.Errorf("got %q", buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// The drain lasts as long as the commands under way, to the moment.
func TestDrainWaits(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		c := b.stranger()
		c.send("noop:5000\n")
		synctest.Wait()
		time.Sleep(2 * time.Second)
		began := time.Now()
		go func() {
			c.want("data:ok\n@")
			c.wantEnd()
		}()
		if err := b.end(); err != nil {
			t.Error(err)
		}
		b.wantGone(began, 3*time.Second, Shutdown)
	})
}

// Nobody who got no place delays the end of the server.
func TestDrainDoesNotWaitForTheTurnedAway(t *testing.T) {
	inBubble(t, Options{MaxConnections: 2, MaxPerAddress: 1}, nil, func(b *bubble) {
		b.stranger()
		b.raw()
		synctest.Wait()
		if n := b.turnedAway.Load(); n != 1 {
			t.Fatalf("%d are turned away", n)
		}
		began := time.Now()
		if err := b.end(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// failing is a listener that fails at first, as when descriptors run out.
type failing struct {
	net.Listener
	times int
}

func (l *failing) Accept() (net.Conn, error) {
	if l.times--; l.times >= 0 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

// When connections cannot be accepted the server tries again, slower each time.
func TestAcceptFails(t *testing.T) {
	inBubble(t, Options{}, func(l net.Listener) net.Listener { return &failing{l, 10} }, func(b *bubble) {
		began := time.Now()
		b.stranger().ask("noop:0", "data:ok\n@")
		if took, want := time.Since(began), (5+10+20+40+80+160+320+640+1000+1000)*time.Millisecond; took != want {
			t.Errorf("it took %s, want %s", took, want)
		}
	})
}
