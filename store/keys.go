package store

import (
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"atserver/store/atkey"
)

// Filter says which keys to list. The zero value lists all.
type Filter struct {
	Scopes     []atkey.Scope // nil: all. Empty: none
	Namespaces []string      // nil: all, and keys in none. Empty: none. Matched as Key.In does
	SharedWith atkey.Sign    // only Shared keys of this recipient
	Cached     *bool         // nil: both
	Pairs      *bool         // the symmetric keys of pairs, atkey.SharedKey, or all others; nil: both
}

// Entry is a key as a listing shows it.
type Entry struct {
	Key                    atkey.Key
	AvailableAt, ExpiresAt time.Time
}

// State tells how the record stands at now.
func (e Entry) State(now time.Time) State { return state(e.AvailableAt, e.ExpiresAt, now) }

// Keys yields the keys that f lets through, expired and unborn ones too, each
// once and in no order to rely on. It seeks to what f names and reads nothing
// else; with namespaces and keys that have a peer it makes one seek a peer. Only
// the recipient of cached keys is in no order: of those all owners' are read.
func (tx *Tx) Keys(f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := tx.filter(f, rowData, flagged, func(p pair) bool {
			e, err := tx.entry(p)
			if err == nil && f.SharedWith != "" && e.Key.SharedWith != f.SharedWith {
				return true
			}
			return yield(e, err) && err == nil
		})
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// CommitsOf returns the ids above after of the entries in the commit log that tell
// of the keys which f lets through, rising. It costs what f lets through, whatever
// the log is. f.SharedWith is not looked at.
func (tx *Tx) CommitsOf(f Filter, after int64) (ids []int64, err error) {
	var damage error
	collect := func(id int64) {
		if id > after {
			ids = append(ids, id)
		}
	}
	err = tx.filter(f, rowData, values, func(p pair) bool {
		var h head
		if h, damage = decodeHead(p.value); damage == nil {
			collect(h.commit)
		}
		return damage == nil
	})
	if err == nil && damage == nil {
		err = tx.filter(f, rowDeleted, values, func(p pair) bool {
			if len(p.value) != 8 {
				damage = errRecord
				return false
			}
			collect(int64(binary.BigEndian.Uint64(p.value)))
			return true
		})
	}
	slices.Sort(ids)
	return ids, errors.Join(err, damage)
}

// filter calls emit for the rows of one kind whose keys f lets through, until it
// returns false.
func (tx *Tx) filter(f Filter, kind byte, n need, emit func(pair) bool) error {
	more := true
	spaces := prefixes(f.Namespaces)
	for _, c := range classes {
		if !f.wants(c) {
			continue
		}
		l := listing{tx, kind, n, func(p pair) bool {
			more = emit(p)
			return more
		}}
		if err := l.class(c, f, spaces); err != nil || !more {
			return err
		}
	}
	return nil
}

// listing is one walk over rows.
type listing struct {
	*Tx
	kind byte
	need need
	emit func(pair) bool
}

func (f Filter) wants(c class) bool {
	return (f.Scopes == nil || slices.Contains(f.Scopes, c.scope)) &&
		(f.Cached == nil || *f.Cached == c.cached) &&
		(f.Pairs == nil || *f.Pairs == c.pairs) &&
		(f.SharedWith == "" || c.scope == atkey.Shared) &&
		(f.Namespaces == nil || c.scope != atkey.Server)
}

// class walks the rows of one class. spaces is nil for all namespaces.
func (l listing) class(c class, f Filter, spaces []string) error {
	all := []byte{l.kind, c.letter}
	known := f.SharedWith != "" && !c.cached // then the peer is the recipient
	switch {
	case !c.peered:
		return l.peer(append(all, 0), spaces)
	case known:
		return l.peer(append(append(all, f.SharedWith...), 0), spaces)
	case spaces == nil:
		return l.scan(all, nil, l.need, l.emit)
	}
	ended, emit := false, l.emit
	l.emit = func(p pair) bool {
		ended = !emit(p)
		return !ended
	}
	for from := all; ; {
		key, err := l.first(all, from)
		if err == ErrNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		peer := key[:len(all)+1+slices.Index(key[len(all):], 0)]
		if err := l.peer(peer, spaces); err != nil || ended {
			return err
		}
		from = slices.Clone(peer)
		from[len(from)-1]++ // past everything of this peer
	}
}

// peer walks the rows of one peer, whose prefix is given.
func (l listing) peer(peer []byte, spaces []string) error {
	if spaces == nil {
		return l.scan(peer, nil, l.need, l.emit)
	}
	ended := false
	for _, space := range spaces {
		err := l.scan(append(slices.Clip(peer), space...), nil, l.need, func(p pair) bool {
			ended = !l.emit(p)
			return !ended
		})
		if err != nil || ended {
			return err
		}
	}
	return nil
}

// prefixes turns namespaces into the prefixes of reversed names, without those
// that another one covers. nil stays nil.
func prefixes(namespaces []string) []string {
	if namespaces == nil {
		return nil
	}
	spaces := []string{}
	for _, n := range namespaces {
		if n != "" {
			spaces = append(spaces, string(appendName(nil, class{}, n))+".")
		}
	}
	slices.Sort(spaces)
	kept := spaces[:0]
	for _, s := range spaces {
		if len(kept) == 0 || !strings.HasPrefix(s, kept[len(kept)-1]) {
			kept = append(kept, s)
		}
	}
	return kept
}

func (tx *Tx) entry(p pair) (Entry, error) {
	k, err := tx.layout.key(p.key[1:])
	if err != nil || p.flags&flagLifetime == 0 {
		return Entry{Key: k}, err
	}
	h, err := decodeHead(p.value)
	return Entry{Key: k, AvailableAt: h.available, ExpiresAt: h.expires}, err
}
