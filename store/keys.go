package store

import (
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
		more := true
		emit := func(p pair) bool {
			e, err := tx.entry(p)
			if err == nil && f.SharedWith != "" && e.Key.SharedWith != f.SharedWith {
				return true
			}
			more = yield(e, err) && err == nil
			return more
		}
		spaces := prefixes(f.Namespaces)
		for _, c := range classes {
			if !f.wants(c) {
				continue
			}
			if err := tx.list(c, f, spaces, emit); err != nil {
				yield(Entry{}, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

func (f Filter) wants(c class) bool {
	return (f.Scopes == nil || slices.Contains(f.Scopes, c.scope)) &&
		(f.Cached == nil || *f.Cached == c.cached) &&
		(f.Pairs == nil || *f.Pairs == c.pairs) &&
		(f.SharedWith == "" || c.scope == atkey.Shared) &&
		(f.Namespaces == nil || c.scope != atkey.Server)
}

// list calls emit for the rows of one class. spaces is nil for all namespaces.
func (tx *Tx) list(c class, f Filter, spaces []string, emit func(pair) bool) error {
	all := []byte{rowData, c.letter}
	known := f.SharedWith != "" && !c.cached // then the peer is the recipient
	switch {
	case !c.peered:
		return tx.listPeer(append(all, 0), spaces, emit)
	case known:
		return tx.listPeer(append(append(all, f.SharedWith...), 0), spaces, emit)
	case spaces == nil:
		return tx.scan(all, nil, flagged, emit)
	}
	ended := false
	stop := func(p pair) bool {
		ended = !emit(p)
		return !ended
	}
	for from := all; ; {
		key, err := tx.first(all, from)
		if err == ErrNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		peer := key[:len(all)+1+slices.Index(key[len(all):], 0)]
		if err := tx.listPeer(peer, spaces, stop); err != nil || ended {
			return err
		}
		from = slices.Clone(peer)
		from[len(from)-1]++ // past everything of this peer
	}
}

// listPeer calls emit for the rows of one peer, whose prefix is given.
func (tx *Tx) listPeer(peer []byte, spaces []string, emit func(pair) bool) error {
	if spaces == nil {
		return tx.scan(peer, nil, flagged, emit)
	}
	ended := false
	for _, space := range spaces {
		err := tx.scan(append(slices.Clip(peer), space...), nil, flagged, func(p pair) bool {
			ended = !emit(p)
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
