package server

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"atserver/verbs/wire"
)

// maxHeld is how many bytes of replies an outbox gathers before it writes.
const maxHeld = 64 << 10

// outbox is the way out of one connection. Every unit becomes TLS records of its
// own, and what several commands that arrived together are answered leaves in
// one write to the network. It is bounded: what does not fit is written at once,
// and a reader that takes nothing is cut off.
//
// It belongs to the connection's goroutine; only stuck may be asked by others.
type outbox struct {
	tls      *tls.Conn // writes its records to gathered
	gathered gatherer
	sent     int64              // bytes of units
	total    prometheus.Counter // of all connections
}

// put adds one unit: a reply and its prompt.
func (o *outbox) put(unit []byte) error {
	if cut := wire.Tail(len(unit)); cut > 0 {
		if err := o.write(unit[:cut]); err != nil {
			return err
		}
		unit = unit[cut:]
	}
	return o.write(unit)
}

// write adds a part of a unit, as records of its own.
func (o *outbox) write(part []byte) error {
	n, err := o.tls.Write(part)
	o.sent += int64(n)
	o.total.Add(float64(n))
	return err
}

// flush writes what was put.
func (o *outbox) flush() error { return o.gathered.flush() }

// gatherer is the network below TLS: it collects records while hold is set.
type gatherer struct {
	net.Conn
	hold  bool
	held  *[]byte      // from heldPool, nil when empty
	moves atomic.Int64 // counts the steps of writing; odd while a write waits for the network
}

var heldPool = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

func (g *gatherer) Write(p []byte) (int, error) {
	if !g.hold {
		return g.write(p)
	}
	if g.held == nil {
		g.held = heldPool.Get().(*[]byte)
	}
	if len(*g.held)+len(p) > maxHeld {
		if err := g.flush(); err != nil {
			return 0, err
		}
		return g.write(p)
	}
	*g.held = append(*g.held, p...)
	return len(p), nil
}

func (g *gatherer) flush() error {
	if g.held == nil {
		return nil
	}
	_, err := g.write(*g.held)
	*g.held = (*g.held)[:0]
	heldPool.Put(g.held)
	g.held = nil
	return err
}

// write passes p on in pieces, so that progress shows.
func (g *gatherer) write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		var m int
		g.moves.Add(1)
		m, err = g.Conn.Write(p[:min(len(p), maxHeld)])
		g.moves.Add(1)
		n, p = n+m, p[m:]
	}
	return n, err
}

// watch is what somebody who looks at a gatherer now and then remembers of it.
type watch struct {
	moves int64
	since time.Time
}

// stuck reports whether the same write has been seen waiting for writeTimeout.
func (w *watch) stuck(g *gatherer, now time.Time) bool {
	if moves := g.moves.Load(); moves != w.moves || moves%2 == 0 {
		*w = watch{moves, now}
		return false
	}
	return now.Sub(w.since) > writeTimeout
}
