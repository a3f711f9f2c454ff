package directory

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// step is a moment of a transcript: something is sent, or nothing, and after so long one record comes, or the end.
type step struct {
	send  string
	want  string // "" is the end
	after time.Duration
}

// The directory answers as the reference's root server does, at the times when it does. Time passes at once.
func TestTranscripts(t *testing.T) {
	const (
		alice = "localhost:6401\r\n@"
		null  = "null\r\n@"
	)
	for name, steps := range map[string][]step{
		"one connection for many": {{"alice\n", alice, 0}, {"alice\r\n", alice, 0}, {"@alice\n", alice, 0}, {"@exit", "", 0}},
		"misses": {
			{"nobody\n", null, 0}, {"alice\n", alice, 0}, {"noone\n", null, missDelay}, {"alice\n", alice, 0},
			{"someone\n", "", missDelay},
		},
		"misses at once": {{"a\nb\nc\nalice\n", null, 0}, {"", null, missDelay}, {"", "", missDelay}},
		"the same name":  {{"nobody\n", null, 0}, {"nobody\n", null, missDelay}, {"nobody\n", "", missDelay}},
		"what is no atSign is a miss": {
			{"a@b\n", null, 0}, {"al\xffice\n", null, missDelay}, {"null\n", "", missDelay},
		},
		"blank lines count for nothing, as at_c sends them": {
			{"\r\n", null, 0}, {"\n", null, 0}, {"\r\n", null, 0}, {" \n", null, 0}, {"alice\r\n", alice, 0},
		},
		"the first miss of at_c is its first": {{"\r\n", null, 0}, {"nobody\r\n", null, 0}, {"alice\r\n", alice, 0}},
		"exit after a request":                {{"alice\n@exit", alice, 0}, {"", "", 0}},
		"no exit": {
			{"@exit.\n", null, 0}, {"@exi\n", null, missDelay}, {"alice\n", alice, 0},
		},
		"silence": {{"alice\n", alice, 0}, {"", "", time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(_ *Directory, dial func() client) {
				c := dial()
				for _, s := range steps {
					since := time.Now()
					if s.send != "" {
						c.send(s.send)
					}
					if s.want == "" {
						c.wantEnd()
					} else {
						c.want(s.want)
					}
					if took := time.Since(since); took != s.after {
						t.Errorf("%q: after %s, want %s", s.send, took, s.after)
					}
				}
			})
		})
	}
}

func TestExitInPieces(t *testing.T) {
	inBubble(t, func(_ *Directory, dial func() client) {
		c := dial()
		for _, piece := range []string{"@", "ex", "it"} {
			c.send(piece)
			synctest.Wait()
		}
		since := time.Now()
		if c.wantEnd(); time.Since(since) != 0 {
			t.Error("it waited for more")
		}
	})
}

// Whoever is made to wait makes nobody else wait: not the same client on another connection, nor who changes an entry.
func TestGuessingDelaysNobodyElse(t *testing.T) {
	inBubble(t, func(d *Directory, dial func() client) {
		guesser, other := dial(), dial()
		guesser.send("a\nb\n")
		guesser.want("null\r\n@")
		synctest.Wait() // now it waits for the second answer
		since := time.Now()
		if err := d.Set("@bob", "localhost:6402"); err != nil {
			t.Fatal(err)
		}
		other.send("bob\n")
		other.want("localhost:6402\r\n@")
		dial().send("alice\n")
		if took := time.Since(since); took != 0 {
			t.Errorf("it took %s", took)
		}
		guesser.want("null\r\n@")
		if took := time.Since(since); took != missDelay {
			t.Errorf("the guesser waited %s", took)
		}
	})
}

// The end of the directory does not wait for a delayed answer: inBubble measures it.
func TestEndDuringADelay(t *testing.T) {
	inBubble(t, func(_ *Directory, dial func() client) {
		c := dial()
		c.send("a\nb\n")
		c.want("null\r\n@")
		synctest.Wait()
	})
}

// inBubble runs f with a directory that knows @alice and lives as long, in a bubble of time. Its connections are pipes
// within the process.
func inBubble(t *testing.T, f func(d *Directory, dial func() client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, cfg := authority(t)
		cfg.ServerName = "localhost"
		d, err := New(Options{TLS: server, Entries: people})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		pipes := newPipes()
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx, pipes) }()
		f(d, func() client {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { ours.Close() })
			pipes.queue <- theirs
			c := client{tls.Client(ours, cfg), t}
			c.want("@")
			return c
		})
		since := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(since); took != 0 {
			t.Errorf("the end took %s", took)
		}
	})
}

// pipes is a listener for connections within the process.
type pipes struct {
	queue chan net.Conn
	ctx   context.Context
	close context.CancelFunc
}

func newPipes() *pipes {
	p := &pipes{queue: make(chan net.Conn)}
	p.ctx, p.close = context.WithCancel(context.Background())
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.queue:
		return c, nil
	case <-p.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
