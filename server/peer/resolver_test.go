package peer

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

// asked is a resolver and the stub of a directory that it asks.
type asked struct {
	*Resolver
	t         *testing.T
	directory *stub
	clock     *clock
	says      atomic.Pointer[string] // what the directory says; nil: the atSign at port 1000
	questions atomic.Int32
}

func ask(t *testing.T, locals Locals) *asked {
	t.Helper()
	a := newAuthority(t)
	r := &asked{t: t, clock: &clock{}}
	r.clock.ms.Store(time.Now().UnixMilli())
	r.directory = newStub(t, a.issue("localhost"), func(_ *conversation, line string) string {
		r.questions.Add(1)
		if says := r.says.Load(); says != nil {
			return *says
		}
		return line + ".example.org:1000\r\n@"
	})
	r.Resolver = NewResolver(ResolverOptions{
		Directory: r.directory.addr, Locals: locals, Network: Network{Trust: a.pool(), Silence: 300 * time.Millisecond},
		Now: r.clock.now, Log: zerolog.Nop(),
	})
	t.Cleanup(r.Close)
	return r
}

func (r *asked) say(s string) { r.says.Store(&s) }

// is wants an address after so many questions in all.
func (r *asked) is(of atkey.Sign, want string, questions int32) {
	r.t.Helper()
	if place, err := r.Resolve(context.Background(), of); err != nil || place.Address != want {
		r.t.Errorf("%s is at %q, %v; want %q", of, place.Address, err, want)
	}
	if n := r.questions.Load(); n != questions {
		r.t.Errorf("%d questions, want %d", n, questions)
	}
}

func (r *asked) isUnknown(of atkey.Sign, questions int32) {
	r.t.Helper()
	if _, err := r.Resolve(context.Background(), of); !errors.Is(err, ErrUnknown) {
		r.t.Errorf("%s: %v", of, err)
	}
	if n := r.questions.Load(); n != questions {
		r.t.Errorf("%d questions, want %d", n, questions)
	}
}

func (r *asked) isDown(of atkey.Sign) error {
	r.t.Helper()
	_, err := r.Resolve(context.Background(), of)
	var failed *Error
	if !errors.As(err, &failed) || failed.Why != NoDirectory && failed.Why != Silent {
		r.t.Errorf("%s: %v", of, err)
	}
	return err
}

func TestResolverRemembers(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	r.is("@bob", "bob.example.org:1000", 1)
	r.is("@bob", "bob.example.org:1000", 1)
	r.is("@carol", "carol.example.org:1000", 2)
	r.clock.move(known - time.Second)
	r.is("@bob", "bob.example.org:1000", 2)
	r.clock.move(time.Second)
	r.is("@bob", "bob.example.org:1000", 3)
	r.clock.move(-2 * time.Hour) // a clock that was set back makes nothing fresh
	r.is("@bob", "bob.example.org:1000", 4)
}

// TestResolverRemembersAbsence: shortly, so that a new atSign is found soon.
func TestResolverRemembersAbsence(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	r.say("null\r\n@")
	r.isUnknown("@bob", 1)
	r.isUnknown("@bob", 1)
	r.clock.move(unknown)
	r.isUnknown("@bob", 2)
	r.says.Store(nil)
	r.clock.move(unknown)
	r.is("@bob", "bob.example.org:1000", 3)
	r.clock.move(known)
	r.say("null\r\n@") // it is gone: that is the directory's word, too
	r.isUnknown("@bob", 4)
}

// TestResolverSharesQuestions: those who ask at once are answered by one question, and whoever gives up does not take
// the answer from the others.
func TestResolverSharesQuestions(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Resolve(gone, "@bob"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := r.Resolve(context.Background(), "@bob"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.is("@bob", "bob.example.org:1000", 1)
}

// TestDirectoryDown: what is known serves on, what is not is tried again after a pause.
func TestDirectoryDown(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	r.is("@bob", "bob.example.org:1000", 1)
	r.say("null\r\n@")
	r.isUnknown("@eve", 2)
	r.say("")
	r.clock.move(known)
	r.is("@bob", "bob.example.org:1000", 2+attempts)
	r.is("@bob", "bob.example.org:1000", 2+attempts) // nobody else waits for it
	first := r.isDown("@carol")
	if again := r.isDown("@carol"); again != first {
		t.Errorf("%v, then %v", first, again)
	}
	r.isDown("@eve") // that it was unknown is no longer sure
	r.says.Store(nil)
	r.clock.move(mostPause)
	n := r.questions.Load()
	r.is("@carol", "carol.example.org:1000", n+1)
	r.is("@bob", "bob.example.org:1000", n+2)
}

// TestDirectoryFlaps: one that answers every other time is as good as any.
func TestDirectoryFlaps(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	var n atomic.Int32
	r.directory.answer = func(_ *conversation, line string) string {
		if n.Add(1)%2 == 1 {
			return ""
		}
		return line + ".example.org:1000\r\n@"
	}
	r.is("@bob", "bob.example.org:1000", 0)
	r.is("@carol", "carol.example.org:1000", 0)
	if n.Load() != 4 {
		t.Errorf("%d questions", n.Load())
	}
}

// TestDirectoryTalksNonsense: what is no address is none.
func TestDirectoryTalksNonsense(t *testing.T) {
	t.Parallel()
	for _, says := range []string{
		hold, "what?\r\n@", "\r\n@", "bob\r\n@", "bob:0\r\n@", "bob:99999\r\n@", ":64\r\n@", "bob:64:64\r\n@", "[::1]:64\r\n@", "a b:64\r\n@",
		"http://bob:64\r\n@", "data:bob\r\n@",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			r := ask(t, "")
			r.say(says)
			r.isDown("@bob")
		})
	}
}

// TestSlowDirectory: whoever is known is not waited for.
func TestSlowDirectory(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	r.o.Network.Silence = time.Minute
	r.is("@bob", "bob.example.org:1000", 1)
	r.say(hold)
	r.clock.move(known)
	r.is("@bob", "bob.example.org:1000", 2)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.Resolve(ctx, "@carol"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestDoubt: an address at which nobody was met is asked for anew, and kept as long as there is no better one.
func TestDoubt(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	r.is("@bob", "bob.example.org:1000", 1)
	r.Doubt("@bob", Place{Address: "elsewhere:1"})
	r.Doubt("@carol", Place{Address: "elsewhere:1"})
	r.is("@bob", "bob.example.org:1000", 1)
	r.Doubt("@bob", Place{Address: "bob.example.org:1000"})
	r.say("moved.example.org:2\r\n@")
	r.is("@bob", "moved.example.org:2", 2)
	r.Doubt("@bob", Place{Address: "moved.example.org:2"})
	r.say("")
	r.is("@bob", "moved.example.org:2", 2+attempts)
}

// TestMoved: a peer that has moved is found by the very request that notices.
func TestMoved(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	bob := newStub(t, a.issue("localhost"), good("@bob", nil, ""))
	at := "localhost:1\r\n@"
	where := newStub(t, a.issue("localhost"), func(*conversation, string) string { return at })
	resolver := NewResolver(ResolverOptions{Directory: where.addr, Network: Network{Trust: a.pool()}, Log: zerolog.Nop()})
	w := newWorldWith(t, a, nil, func(o *Options) { o.Resolver = resolver })
	if _, err := resolver.Resolve(context.Background(), "@bob"); err != nil {
		t.Fatal(err)
	}
	at = bob.addr + "\r\n@"
	w.gets("@bob", false, "lookup:x@bob", "lookup:x@bob")
}

// TestManyNames: what is remembered is bounded.
func TestManyNames(t *testing.T) {
	t.Parallel()
	r := ask(t, "")
	for i := range maxNames {
		r.names[atkey.Sign("@"+string(rune(0x1F000+i)))] = &name{}
	}
	r.is("@bob", "bob.example.org:1000", 1)
	if n := len(r.names); n != maxNames {
		t.Errorf("%d names", n)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	r := NewResolver(ResolverOptions{Directory: "proxy:all.example.org:8443"})
	defer r.Close()
	if place, err := r.Resolve(context.Background(), "@bob"); err != nil || place.Address != "all.example.org:8443" {
		t.Errorf("%v, %v", place, err)
	}
}

func TestLocalAddresses(t *testing.T) {
	t.Parallel()
	for address, local := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "10.1.2.3": true, "172.16.0.1": true, "172.31.255.255": true, "192.168.1.1": true, "169.254.169.254": true,
		"0.0.0.0": true, "255.255.255.255": true, "224.0.0.1": true, "100.64.0.1": true, "100.127.255.255": true,
		"::1": true, "::": true, "fe80::1": true, "fc00::1": true, "fd12::1": true, "ff02::1": true, "::ffff:127.0.0.1": true, "::ffff:10.0.0.1": true,
		"8.8.8.8": false, "172.32.0.1": false, "100.128.0.1": false, "2001:4860:4860::8888": false, "::ffff:8.8.8.8": false,
	} {
		if got := isLocal(netip.MustParseAddr(address)); got != local {
			t.Errorf("%s is local: %v", address, got)
		}
	}
}

// TestWhoMayNameLocalAddresses: a directory in the local network names what is in it, unless that is forbidden.
func TestWhoMayNameLocalAddresses(t *testing.T) {
	t.Parallel()
	for locals, allowed := range map[Locals]bool{"": true, LocalsByDirectory: true, LocalsAlways: true, LocalsNever: false} {
		r := ask(t, locals)
		place, err := r.Resolve(context.Background(), "@bob")
		if err != nil || place.local != allowed {
			t.Errorf("%q: %+v, %v", locals, place, err)
		}
	}
	a := newAuthority(t)
	bob := newStub(t, a.issue("localhost"), good("@bob", nil, ""))
	directory := list(t, a, map[atkey.Sign]string{"@bob": bob.addr})
	resolver := NewResolver(ResolverOptions{Directory: directory, Locals: LocalsNever, Network: Network{Trust: a.pool()}, Log: zerolog.Nop()})
	w := newWorldWith(t, a, nil, func(o *Options) { o.Resolver = resolver })
	if err := w.fails("@bob", false, "scan", NoConnection); !errors.Is(err, errLocal) || len(bob.heard()) != 0 {
		t.Errorf("%v", err)
	}
}
