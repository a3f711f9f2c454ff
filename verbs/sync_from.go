package verbs

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/verbs/wire"
)

// What one answer to sync:from holds.
const (
	DefaultSyncPage  = 100     // entries, where the client does not say
	maxSyncPage      = 1000    // whatever it says
	DefaultSyncBytes = 5 << 20 // of JSON, but for one entry that is longer
)

type syncArgs struct {
	after   int64
	limit   int
	skip    int64 // deletions up to this one are left out, -1: none
	pattern string
}

// syncFrom gives the changes after a commit id to a device that keeps a copy:
// "sync:from:id[:limit:n][:skipDeletesUntil:id][:regex]".
var syncFrom = define(
	Verb{Name: "sync:from", Usage: "syntax sync:from:1:limit:10:.wavi", Who: enroll.App},
	func(l *line) (a syncArgs, err error) {
		a.after, a.skip = -1, -1
		if !l.take(":-1") {
			if a.after, err = l.commitID(":"); err != nil {
				return a, err
			}
		}
		limit := int64(0)
		for more := true; more && err == nil; { // the two options in either order
			switch {
			case limit == 0 && hasFold(l.rest, ":limit:"):
				limit, err = l.commitID(":limit:")
				limit = max(limit, 1)
			case a.skip < 0 && hasFold(l.rest, ":skipDeletesUntil:"):
				a.skip, err = l.commitID(":skipDeletesUntil:")
			default:
				more = false
			}
		}
		if err != nil {
			return a, err
		}
		a.limit = int(min(limit, maxSyncPage))
		if l.take(":") && l.end() {
			return a, errSyntax
		}
		a.pattern = l.all()
		return a, nil
	},
	nothing[syncArgs], // what may be seen is asked key by key
	func(c *Call, a syncArgs) (Reply, error) {
		if a.limit == 0 {
			a.limit = c.SyncPage
		}
		log, err := c.changes(a.pattern)
		if err != nil {
			return Reply{}, err
		}
		p := page{call: c, args: a, b: []byte{'['}}
		err = c.DB.View(func(tx *store.Tx) error { return p.fill(tx, log) })
		return Reply{Data: append(p.b, ']')}, err
	},
)

// commitID consumes a word, digits, and stops in front of the end or a colon.
func (l *line) commitID(word string) (int64, error) {
	if !l.take(word) {
		return 0, errSyntax
	}
	digits := l.rest
	if i := strings.IndexByte(digits, ':'); i >= 0 {
		digits = digits[:i]
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, errSyntax
	}
	l.rest = l.rest[len(digits):]
	return int64(n), nil
}

// page is one answer under way.
type page struct {
	call *Call
	args syncArgs
	b    []byte
	n    int // entries in it
	size int // bytes of them
}

// maxPassed is how many entries a page passes before it asks whether there is a
// shorter way to those that the caller sees.
const maxPassed = 2000

// fill collects entries until the page is full: what the caller does not see takes
// no place in it.
func (p *page) fill(tx *store.Tx, log *changes) error {
	passed := 0
	for c, err := range tx.Commits(log.from(p.args.after)) {
		if err != nil {
			return err
		}
		if passed++; passed > maxPassed {
			if ids, shorter, err := log.own(tx, c.ID-1); err != nil || shorter {
				return errors.Join(err, p.fillWith(tx, log, ids))
			}
			passed = math.MinInt
		}
		if more, err := p.take(tx, log, c); err != nil || !more {
			return err
		}
	}
	return nil
}

// fillWith collects these entries.
func (p *page) fillWith(tx *store.Tx, log *changes, ids []int64) error {
	for _, id := range ids {
		c, err := tx.Commit(id)
		if err != nil {
			return err
		}
		if more, err := p.take(tx, log, c); err != nil || !more {
			return err
		}
	}
	return nil
}

// take adds an entry if the caller sees it, and tells whether there is room for
// another.
func (p *page) take(tx *store.Tx, log *changes, c store.Commit) (more bool, err error) {
	k, seen, err := log.shows(c)
	if err != nil || !seen {
		return true, err
	}
	if c.Op == store.OpDelete {
		if c.ID <= p.args.skip {
			// the newest is told in any case: a device must be able to arrive there
			if last, err := log.last(tx); err != nil || c.ID != last {
				return true, err
			}
		}
		return p.add(tx, c, store.Record{})
	}
	r, err := tx.Peek(k)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return p.add(tx, c, r)
}

// add appends one entry and tells whether there is room for another.
func (p *page) add(tx *store.Tx, c store.Commit, r store.Record) (more bool, err error) {
	room := p.call.SyncBytes - p.size
	if p.n > 0 && r.Size() > room {
		return false, nil
	}
	if len(p.b)+r.Size() > smallReply {
		if err := p.call.gather(max(p.call.SyncBytes, r.Size())); err != nil {
			return false, err
		}
	}
	if err := tx.Load(&r); err != nil {
		return false, err
	}
	if p.n > 0 {
		p.b = append(p.b, ',')
	}
	before := len(p.b)
	p.b = appendChange(p.b, c, r)
	if p.n > 0 && len(p.b)-before > room {
		p.b = p.b[:before-1]
		return false, nil
	}
	p.n++
	p.size += len(p.b) - before
	return p.n < p.args.limit, nil
}

// appendChange renders an entry with the record as it is now.
func appendChange(b []byte, c store.Commit, r store.Record) []byte {
	o := object{b: append(b, '{')}
	o.text("atKey", c.Key)
	null := []byte("null")
	if r.Value == nil {
		o.json("value", null)
	} else {
		o.b = wire.AppendString(o.name("value"), string(r.Value))
	}
	if c.Op == store.OpDelete {
		o.json("metadata", null)
	} else {
		o.b = appendMetaTexts(o.name("metadata"), r.Meta)
	}
	o.number("commitId", &c.ID)
	o.text("operation", string(c.Op))
	return append(o.b, '}')
}
