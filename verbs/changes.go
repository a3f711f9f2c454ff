package verbs

import (
	"errors"
	"slices"
	"strings"

	"atserver/store"
	"atserver/store/atkey"
)

// changes is the commit log as one caller sees it through one expression. sync,
// stats and monitors ask it, so that none tells of a change which another hides:
// clients would ask for it for ever.
type changes struct {
	call     *Call
	match    *matcher
	visible  func(atkey.Key) bool
	view     view
	horizon  horizon
	horizons *Horizons
}

// changes returns the caller's view of the log.
func (c *Call) changes(pattern string) (*changes, error) {
	match, err := newMatcher(c, pattern)
	if err != nil {
		return nil, err
	}
	e, _ := c.Registry.Get(c.Principal.Enrollment)
	view := view{e, pattern}
	return &changes{c, match, c.Registry.Synced(c.Principal), view, c.Horizons.get(view), c.Horizons}, nil
}

// shows tells whether the caller sees an entry, and of which key it is.
func (s *changes) shows(c store.Commit) (atkey.Key, bool, error) {
	k, err := atkey.Parse(c.Key)
	if err != nil || k.Internal() || !s.visible(k) {
		return k, false, nil
	}
	if isAlwaysSynced(k, c.Key) {
		return k, true, nil
	}
	ok, err := s.match.matches(c.Key)
	return k, ok, err
}

// isAlwaysSynced names the keys that no expression hides: what an app needs to
// talk to others, and what is public in no namespace.
func isAlwaysSynced(k atkey.Key, text string) bool {
	return k.Reserved() == atkey.SharedKey || strings.HasPrefix(text, "public:publickey") ||
		k.Scope == atkey.Public && !k.Cached && !strings.Contains(text, ".")
}

// last returns the newest entry that the caller sees, -1 if there is none.
func (s *changes) last(tx *store.Tx) (int64, error) {
	defer func() { s.horizons.put(s.view, s.horizon) }()
	newest, err := s.newest(tx, s.horizon.upTo)
	if err != nil || newest >= 0 || s.horizon.last < 0 {
		return newest, err
	}
	if _, err := tx.Commit(s.horizon.last); !errors.Is(err, store.ErrNotFound) {
		return s.horizon.last, err
	}
	s.horizon = nowhere
	return s.newest(tx, -1)
}

// newest looks for the newest entry that is seen among those above after, and
// moves the horizon to the end of the log.
func (s *changes) newest(tx *store.Tx, after int64) (int64, error) {
	end := after
	for c, err := range tx.CommitsBack(after) {
		if err != nil {
			return -1, err
		}
		end = max(end, c.ID)
		_, seen, err := s.shows(c)
		if err != nil {
			return -1, err
		}
		if seen {
			s.horizon.last, s.horizon.upTo = c.ID, end
			return c.ID, nil
		}
	}
	s.horizon.upTo = end
	return -1, nil
}

// from is where to look for entries above after: behind what is known to hold
// nothing for the caller.
func (s *changes) from(after int64) int64 {
	if after >= s.horizon.last {
		return max(after, s.horizon.upTo)
	}
	return after
}

// own returns the ids above after of all entries that the caller may see, and some
// others, without going through the log: by the namespaces of an app that has only
// a few. With no such shorter way it returns false.
func (s *changes) own(tx *store.Tx, after int64) (ids []int64, shorter bool, err error) {
	c := s.call
	namespaces, all := c.Registry.Namespaces(c.Principal)
	if all {
		return nil, false, nil
	}
	no, yes := false, true
	for _, f := range []store.Filter{
		{Namespaces: namespaces, Pairs: &no}, {Pairs: &yes}, {Scopes: []atkey.Scope{atkey.Public}, Cached: &yes},
	} {
		of, err := tx.CommitsOf(f, after)
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, of...)
	}
	for _, name := range []string{"publickey", "signing_publickey"} {
		id, err := tx.CommitOf(atkey.Key{Scope: atkey.Public, Name: name, Owner: c.Env.Sign})
		if err != nil {
			return nil, false, err
		}
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), true, nil
}
