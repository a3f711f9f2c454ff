package verbs

import (
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// changes is the commit log as one caller sees it through one expression. sync,
// stats and monitors ask it, so that none tells of a change which another hides:
// clients would ask for it for ever.
type changes struct {
	match   *matcher
	visible func(atkey.Key) bool
	horizon *horizon
}

// changes returns the caller's view of the log.
func (c *Call) changes(pattern string) (*changes, error) {
	match, err := newMatcher(c, pattern)
	if err != nil {
		return nil, err
	}
	e, _ := c.Registry.Get(c.Principal.Enrollment)
	if c.horizon == nil || c.horizon.enrollment != e || c.horizon.pattern != pattern {
		c.horizon = &horizon{enrollment: e, pattern: pattern, last: -1, upTo: -1}
	}
	return &changes{match, c.Registry.Synced(c.Principal), c.horizon}, nil
}

// horizon is what a session knows of the part of the log that it looked at last,
// so that a caller who sees few of many entries does not pass all the others
// again and again.
type horizon struct {
	enrollment *enroll.Enrollment // a new one when its rights change
	pattern    string
	last       int64 // newest entry that is seen, -1: none
	upTo       int64 // from last to this one nothing is
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
	h := s.horizon
	newest, err := s.newest(tx, h.upTo)
	if err != nil || newest >= 0 {
		return newest, err
	}
	if h.last < 0 {
		return -1, nil
	}
	there, err := tx.HasCommit(h.last)
	if err != nil || there {
		return h.last, err
	}
	h.last, h.upTo = -1, -1
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
