package verbs

import (
	"errors"
	"strings"
	"time"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

type llookupArgs struct {
	op    op
	typed string
	key   atkey.Key // zero if typed is no key that could exist
}

// llookup reads a record of this server by its full name:
// "llookup:[meta:|all:]key".
var llookup = define(
	Verb{Name: "llookup", Usage: "e.g llookup:location@bob", Who: enroll.App},
	func(l *line) (a llookupArgs, err error) {
		if !l.take(":") {
			return a, errSyntax
		}
		a.op = l.op()
		a.typed = l.all()
		key := a.typed
		if hasFold(key, "cached:") {
			key = key[len("cached:"):]
		}
		if strings.HasPrefix(key, "@") { // the recipient
			recipient, after, found := strings.Cut(key[1:], ":")
			if !found || recipient == "" || strings.ContainsFunc(recipient, isBreak) {
				return a, errSyntax
			}
			key = after
		}
		if name, _, ok := cutOwner(key); !ok || strings.Contains(name, "::") || strings.Contains(name, "@") && !hasFold(name, "private:@") {
			return a, errSyntax
		}
		if _, err := checkSigns(a.typed); err != nil {
			return a, err
		}
		a.key, _ = atkey.Parse(a.typed)
		return a, nil
	},
	func(_ *Call, a llookupArgs) []enroll.Need {
		if a.key == (atkey.Key{}) {
			return nil
		}
		return []enroll.Need{enroll.ToRead(a.key)}
	},
	func(c *Call, a llookupArgs) (Reply, error) { return c.read(a.key, a.typed, a.op) },
)

// read answers with a record of this server. A name that is no key answers like
// a key that is not there.
func (c *Call) read(k atkey.Key, typed string, o op) (Reply, error) {
	r, now, err := c.find(k, typed)
	if err != nil {
		return Reply{}, err
	}
	return record(r, o, now), nil
}

// find reads a record and the time to judge it by; typed names it should k be
// none.
func (c *Call) find(k atkey.Key, typed string) (r store.Record, now time.Time, err error) {
	if k == (atkey.Key{}) {
		return r, now, notFound(typed)
	}
	err = c.DB.View(func(tx *store.Tx) (err error) {
		now = tx.Now()
		if r, err = tx.Peek(k); err == nil {
			err = c.gather(r.Size())
		}
		if err == nil {
			err = tx.Load(&r)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return r, now, notFound(k.String())
	}
	return r, now, err
}
