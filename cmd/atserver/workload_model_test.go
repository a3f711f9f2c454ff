package main_test

import (
	"maps"
	"math"
	"strings"
	"time"

	"atserver/verbs/wire"
)

// The model says what the contract makes of a write. It knows times as far as a
// client can: see known.

// instant is when the server did something: between two times of ours, until a
// reply tells.
type instant struct{ first, last int64 } // in ms

// now begins an instant, which ends when its last is set.
func now() *instant { return &instant{time.Now().UnixMilli(), math.MaxInt64} }

// known is a number: plus, and (sign 1) or less (sign -1) an instant.
type known struct {
	at         *instant
	sign, plus int64
}

func exactly(n int64) known { return known{plus: n} }

// is compares with what a reply says. That tells the instant, too: whatever else
// depends on it must agree from then on.
func (k known) is(n int64) bool {
	if k.at == nil {
		return n == k.plus
	}
	at := k.sign * (n - k.plus)
	if at < k.at.first || at > k.at.last {
		return false
	}
	k.at.first, k.at.last = at, at
	return true
}

// about is good for comparing with what is hours away.
func (k known) about() int64 {
	if k.at == nil {
		return k.plus
	}
	return k.plus + k.sign*k.at.first
}

func (k known) later(ms int64) *known { k.plus += ms; return &k }

// until is how long it takes from k to an end, nil if that is not later.
func (k known) until(end int64) *known {
	if end <= k.about() {
		return nil
	}
	return &known{k.at, -k.sign, end - k.plus}
}

// record is what is stored under a key.
type record struct {
	value                       *string // nil: made by update:meta
	version                     int64
	created, updated            known
	available, expires, refresh *known // nil, as all that follows: not set
	ttl, ttb                    *known
	ttr                         *int64
	ccd, immutable              *bool
	binary, encrypted           bool
	texts                       map[string]string // the other fields of metadata, by name
	hash                        *hash
	app                         string // appMetadata, JSON
}

type hash struct{ Hash, Algorithm string }

func (r *record) unborn() bool {
	return r.available != nil && r.available.about() > time.Now().UnixMilli()
}

func (r *record) expired() bool {
	return r.expires != nil && r.expires.about() < time.Now().UnixMilli()
}

// state is what the server has of a key.
type state struct {
	*record      // nil: nothing is stored
	logged  bool // whether it has a commit entry, which is the rest
	id      int64
	op      string
	when    *known // nil: the contract does not say
}

// fades says that the server may remove it at any time, entry and all.
func (s *state) fades() bool { return s.record != nil && s.expired() }

// change is what an update says. What is nil is not mentioned.
type change struct {
	meta, nc                             bool
	value                                string // unless meta
	ttl, ttb, ttr                        *int64
	ccd, binary, encrypted, immutable    *bool
	created, updated, expires, available *int64
	texts                                map[string]string
	hash                                 *hash
	app                                  string
}

// update is the state after an update at an instant, or why that is refused.
func (s state) update(key string, c change, at *instant) (state, *wire.Error) {
	old := s.record
	if old != nil && old.expired() {
		old = nil // as good as gone
	}
	if old != nil && old.immutable != nil && *old.immutable {
		return s, &wire.Error{Code: "AT0032", Text: "Illegal state : Immutable records may not be updated"}
	}
	next := state{record: old.merge(c, known{at, 1, 0}), logged: !c.nc && entersLog(key), op: "*"}
	if c.meta {
		next.op = "#"
	}
	next.when = &next.updated
	if c.updated == nil {
		next.when = &known{at, 1, 0}
	}
	return next, nil
}

// delete is the state after a delete.
func (s state) delete(key string, force, nc bool, asserted *int64, at *instant) (state, *wire.Error) {
	if s.record != nil && s.immutable != nil && *s.immutable && !force {
		return s, &wire.Error{Code: "AT0032", Text: "Illegal state : Immutable records may not be deleted without the force flag"}
	}
	next := state{logged: !nc && entersLog(key), op: "-"}
	if asserted == nil {
		next.when = &known{at, 1, 0}
	}
	return next, nil
}

// entersLog says whether writes of a key are committed.
func entersLog(key string) bool {
	return !strings.HasPrefix(key, "public:_") || strings.HasPrefix(key, "public:__")
}

// merge is the record after a write; r, which stays as it is, may be nil.
func (r *record) merge(c change, at known) *record {
	isNew := r == nil
	var n record
	if isNew {
		n = record{version: -1, created: at, texts: map[string]string{}}
	} else {
		n = *r
		n.texts = maps.Clone(r.texts)
	}
	n.version++
	n.updated = at
	if !c.meta {
		n.value = &c.value
	}
	if c.created != nil {
		n.created = exactly(*c.created)
	}
	if c.updated != nil {
		n.updated = exactly(*c.updated)
	}
	n.lives(c, at)
	n.copies(c, at, isNew)
	n.binary = c.binary != nil && *c.binary
	n.encrypted = c.encrypted != nil && *c.encrypted
	for name, text := range c.texts {
		n.texts[name] = text
		if text == "null" {
			delete(n.texts, name)
		}
	}
	if c.hash != nil {
		n.hash = c.hash
		if c.hash.Hash == "null" {
			n.hash = nil
		}
	}
	if c.immutable != nil {
		n.immutable = c.immutable
	}
	if c.app != "" {
		n.app = c.app
	}
	return &n
}

// lives sets how long the record lives: by ttl and ttb, or by the times asserted,
// from which those that are not given follow.
func (n *record) lives(c change, at known) {
	ttb := int64(0)
	if c.ttb != nil {
		ttb = *c.ttb
		n.ttb, n.available = new(exactly(ttb)), at.later(ttb)
	}
	if c.available != nil {
		n.available = new(exactly(*c.available))
		if c.ttb == nil {
			n.ttb = n.updated.until(*c.available)
		}
	}
	if c.ttl != nil {
		n.ttl, n.expires = new(exactly(*c.ttl)), at.later(*c.ttl+ttb)
		if *c.ttl == 0 {
			n.expires = nil
		}
	}
	if c.expires != nil {
		n.expires = new(exactly(*c.expires))
		if c.ttl == nil {
			from := n.updated
			if c.available != nil && *c.available > from.about() {
				from = exactly(*c.available)
			}
			n.ttl = from.until(*c.expires)
		}
	}
}

// copies sets how others may keep copies.
func (n *record) copies(c change, at known, isNew bool) {
	given := c.ttr != nil && *c.ttr != 0
	if given {
		n.ttr = c.ttr
		if n.ccd == nil {
			n.ccd = new(false)
		}
	}
	if c.ccd != nil && (given || !isNew) {
		n.ccd = c.ccd
	}
	n.refresh = nil
	if n.ttr != nil && *n.ttr > 0 {
		n.refresh = at.later(*n.ttr * 1000)
	}
}
