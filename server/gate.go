package server

import (
	"sync"
	"time"

	"atserver/enroll"
	"atserver/verbs"
)

// gate decides who gets a place, and whose place ends.
type gate struct {
	perAddress               int
	anonymousIdle, ownerIdle time.Duration

	mu        sync.Mutex
	max       int
	reserve   int // places that only the owner's apps may fill
	conns     map[*conn]struct{}
	addresses map[string]int
	strangers int // connections that are not of the owner
	closed    bool

	noPlace, noPlaceFrom int64 // connections turned away: all places were taken; all of their address's
}

func newGate(o Options) *gate {
	return &gate{
		max: o.MaxConnections, perAddress: o.MaxPerAddress, reserve: reserveOf(o.MaxConnections),
		anonymousIdle: o.AnonymousIdle, ownerIdle: o.OwnerIdle,
		conns: map[*conn]struct{}{}, addresses: map[string]int{},
	}
}

// reserveOf is how many of so many places are kept for those who have logged in.
func reserveOf(places int) int { return min(max(places/5, 1), places-1) }

// resize changes how many places there are, for those who come next.
func (g *gate) resize(places int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.max, g.reserve = places, reserveOf(places)
}

// places is how many there are.
func (g *gate) places() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.max
}

// enter gives c a place, if need be that of a stranger who does not use it.
func (g *gate) enter(c *conn, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if g.full() || g.crowded(c.from) {
		g.sweep(now)
	}
	switch {
	case g.crowded(c.from) && !g.makeWay(now, c.from):
		g.noPlaceFrom++
		return false
	case g.full() && !g.makeWay(now, ""):
		g.noPlace++
		return false
	}
	g.conns[c] = struct{}{}
	g.addresses[c.from]++
	g.strangers++
	return true
}

// full tells whether a stranger finds no place.
func (g *gate) full() bool { return len(g.conns) >= g.max || g.strangers >= g.max-g.reserve }

// crowded tells whether an address has all the places that one may have.
func (g *gate) crowded(from string) bool { return g.addresses[from] >= g.perAddress }

// makeWay ends the stranger that will be missed least, of one address or of any.
func (g *gate) makeWay(now time.Time, from string) bool {
	idlest := g.idlest(now, from)
	if idlest != nil {
		g.drop(idlest, Full)
	}
	return idlest != nil
}

// leave frees the place of c.
func (g *gate) leave(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(c)
}

func (g *gate) forget(c *conn) {
	if _, here := g.conns[c]; !here {
		return
	}
	delete(g.conns, c)
	if g.addresses[c.from]--; g.addresses[c.from] == 0 {
		delete(g.addresses, c.from)
	}
	if isStranger(c.kind.Load()) {
		g.strangers--
	}
}

// isStranger tells whether a connection of this kind is not of the owner. Anybody
// may be another atSign's server: it proves that, and no more.
func isStranger(kind uint32) bool {
	return kind == uint32(enroll.Anonymous) || kind == uint32(enroll.Peer)
}

// drop cuts a connection off and frees its place at once.
func (g *gate) drop(c *conn, why Reason) {
	g.forget(c)
	c.cut(why)
}

// identify notes that c proved to be somebody, or no longer is.
func (g *gate) identify(c *conn, kind enroll.Kind) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was, is := isStranger(c.kind.Swap(uint32(kind))), isStranger(uint32(kind))
	if _, here := g.conns[c]; !here || was == is {
		return
	}
	if was {
		g.strangers--
	} else {
		g.strangers++
	}
}

// idlest returns the stranger that has been silent longest, at least
// minAnonymousIdle, or else the one that has been a stranger longest, at least
// handshakeTimeout, busy or not: who means to log in has done so by then, and
// another server comes again. from "" is any address.
func (g *gate) idlest(now time.Time, from string) *conn {
	var silent, old *conn
	for c := range g.conns {
		if !isStranger(c.kind.Load()) || from != "" && c.from != from {
			continue
		}
		if !c.busy.Load() && now.Sub(c.lastActive()) >= minAnonymousIdle && (silent == nil || c.lastActive().Before(silent.lastActive())) {
			silent = c
		}
		if now.Sub(c.since) >= handshakeTimeout && (old == nil || c.since.Before(old.since)) {
			old = c
		}
	}
	if silent != nil {
		return silent
	}
	return old
}

// end cuts off the connections of enrollments that may no longer act, and tells
// how many there were.
func (g *gate) end(may func(enrollment string) bool) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for c := range g.conns {
		if id := c.enrollment(); id != "" && !c.spared.Load() && !may(id) {
			g.drop(c, Ended)
			n++
		}
	}
	return n
}

// count tells how many connections each enrollment has.
func (g *gate) count() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	counts := map[string]int{}
	for c := range g.conns {
		if id := c.enrollment(); id != "" {
			counts[id]++
		}
	}
	return counts
}

// figures tells how many connections of each kind are open, and how many there was
// no place for so far: in all, and for their address.
func (g *gate) figures() (open map[enroll.Kind]int, noPlace, noPlaceFrom int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	open = map[enroll.Kind]int{}
	for c := range g.conns {
		open[enroll.Kind(c.kind.Load())]++
	}
	return open, g.noPlace, g.noPlaceFrom
}

// list tells of the connections that are open.
func (g *gate) list() []verbs.Connection {
	g.mu.Lock()
	defer g.mu.Unlock()
	open := make([]verbs.Connection, 0, len(g.conns))
	for c := range g.conns {
		shown := verbs.Connection{Kind: enroll.Kind(c.kind.Load()), Since: c.since, Active: c.lastActive()}
		if p := c.who.Load(); p != nil {
			shown.Sign = p.Sign
		}
		open = append(open, shown)
	}
	return open
}

// step cuts off who has been silent for too long or does not read.
func (g *gate) step(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
}

func (g *gate) sweep(now time.Time) {
	anonymous := allowed(len(g.conns), g.max, g.anonymousIdle, minAnonymousIdle)
	owner := allowed(len(g.conns), g.max, g.ownerIdle, minOwnerIdle)
	for c := range g.conns {
		limit := owner
		if c.kind.Load() == uint32(enroll.Anonymous) {
			limit = anonymous
		}
		switch {
		case c.watch.stuck(&c.out.gathered, now):
			g.drop(c, c.slow())
		case !c.monitors.Load() && !c.busy.Load() && now.Sub(c.lastActive()) > limit:
			g.drop(c, Idle)
		}
	}
}

// allowed is how long a connection may be silent: longest while at most half of
// the places are taken, then shrinking to least when all are (protocol, idle
// limits).
func allowed(taken, places int, longest, least time.Duration) time.Duration {
	least = min(least, longest)
	half := places / 2
	over := max(taken-half, 0)
	if places == half {
		return longest
	}
	left := float64(max(places-half-over, 0)) / float64(places-half)
	return least + time.Duration(float64(longest-least)*left)
}

// close refuses new connections and cuts off those that wait for a command.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c := range g.conns {
		c.leaving.Store(true)
		if !c.busy.Load() {
			g.drop(c, Shutdown)
		}
	}
}

// cutAll cuts off everybody.
func (g *gate) cutAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		g.drop(c, Shutdown)
	}
}
