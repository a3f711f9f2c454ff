package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"atserver/store"
	"atserver/store/atkey"
)

// bubble is a server in a bubble of time, where even the longest time limits take
// no time at all. Its connections are pipes within the process.
type bubble struct {
	*Server
	t     *testing.T
	log   *lockedBuffer
	pipes *pipes
	end   func() error
}

// inBubble runs f with a server that lives as long. All time passes in it at
// once, whenever nobody has anything left to do.
func inBubble(t *testing.T, o Options, wrap func(net.Listener) net.Listener, f func(b *bubble)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, log: &lockedBuffer{}, pipes: newPipes()}
		o.Sign, o.CRAMSecret, o.TestingMode, o.Log = "@alice", cramSecret, true, zerolog.New(b.log)
		var err error
		if b.Server, err = New(o); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		var l net.Listener = b.pipes
		if wrap != nil {
			l = wrap(l)
		}
		go func() { ended <- b.Run(ctx, l) }()
		b.end = sync.OnceValue(func() error {
			cancel()
			return <-ended
		})
		f(b)
		if err := b.end(); err != nil {
			t.Error(err)
		}
	})
}

// raw connects without TLS.
func (b *bubble) raw() net.Conn {
	ours, theirs := net.Pipe()
	b.t.Cleanup(func() { ours.Close() })
	b.pipes.queue <- theirs
	return ours
}

// dial connects and reads the greeting.
func (b *bubble) dial() *client {
	b.t.Helper()
	pem, err := os.ReadFile(b.CAFile())
	if err != nil {
		b.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	raw := &tap{Conn: b.raw()}
	c := &client{Conn: tls.Client(raw, &tls.Config{RootCAs: roots, ServerName: "localhost"}), t: b.t, raw: raw, sign: "@alice"}
	return c
}

func (b *bubble) stranger() *client {
	b.t.Helper()
	c := b.dial()
	c.want("@")
	return c
}

// wantGone says that just now the last connection ended, for a reason.
func (b *bubble) wantGone(since time.Time, after time.Duration, why Reason) {
	b.t.Helper()
	if took := time.Since(since); took != after {
		b.t.Errorf("after %s, want %s", took, after)
	}
	synctest.Wait()
	if n := b.ended[why].Load(); n != 1 || len(b.gate.conns) != 0 || b.turnedAway.Load() != 0 {
		b.t.Errorf("%d ended as %q, %d are left, %d turned away", n, why, len(b.gate.conns), b.turnedAway.Load())
	}
}

// places are the connections of now.
func (b *bubble) places() []*conn {
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	var all []*conn
	for c := range b.gate.conns {
		all = append(all, c)
	}
	return all
}

// put stores a value of n bytes that everybody may read, and returns it.
func (b *bubble) put(name string, n int) string {
	b.t.Helper()
	value := strings.Repeat("0123456789abcdef", n/16+1)[:n]
	key, err := atkey.Parse("public:" + name + "@alice")
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.db.Update(func(tx *store.Tx) error {
		_, err := tx.Put(store.Record{Key: key, Value: []byte(value)}, store.OpUpdate, "test")
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// pipes is a listener for connections within the process.
type pipes struct {
	queue chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{queue: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.queue:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
