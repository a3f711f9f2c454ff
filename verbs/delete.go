package verbs

import (
	"strings"
	"time"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

type deleteArgs struct {
	key      atkey.Key
	at       time.Time      // when the client deleted it; zero: now
	silent   bool           // leaves no commit entry
	force    bool           // removes immutable records, too
	priority store.Priority // of the notification
}

// deleteVerb removes a record, whether it is there or not:
// "delete[:dAt:t][:nc][:force][:priority:p][:cached][:public|:@recipient]:name@owner".
var deleteVerb = define(
	Verb{Name: "delete", Usage: "e.g. delete:@bob:phone@alice", Who: enroll.Owner},
	func(l *line) (a deleteArgs, err error) {
		if l.take(":dAt:") {
			asserted, rest := cutTime(l.rest)
			at, err := instant(asserted)
			if err != nil {
				return a, errSyntax
			}
			a.at, l.rest = *at, rest
		}
		a.silent = l.option(":nc")
		a.force = l.option(":force")
		a.priority = store.Low
		if l.take(":priority:") && !l.take("low") {
			a.priority = store.Medium
			if !l.take("medium") {
				a.priority = store.High
				if !l.take("high") {
					return a, errSyntax
				}
			}
		}
		typed, ok := strings.CutPrefix(l.all(), ":")
		if !ok || !isDeletable(typed) {
			return a, errSyntax
		}
		if _, err := checkSigns(typed); err != nil {
			return a, err
		}
		if a.key, err = atkey.Parse(typed); err != nil {
			return a, invalidKey("not a valid key: " + typed)
		}
		if isProtected(a.key, l.self) { // from everybody, so that rights do not matter
			return a, notAllowed("Cannot delete protected key: '" + a.key.Name + string(a.key.Owner) + "'")
		}
		return a, nil
	},
	func(_ *Call, a deleteArgs) []enroll.Need { return []enroll.Need{enroll.ToDelete(a.key)} },
	func(c *Call, a deleteArgs) (Reply, error) {
		if a.key.Name == enroll.CRAMSecretKey {
			return number(-1), c.Registry.Retire(c.Principal.Actor(), c.From)
		}
		if err := checkLength(a.key); err != nil {
			return Reply{}, err
		}
		op := store.OpDelete
		if a.silent {
			op = store.Silent
		}
		var id int64
		err := c.DB.Update(func(tx *store.Tx) (err error) {
			old, err := current(tx, a.key)
			if err != nil {
				return err
			}
			if old != nil && isImmutable(old) && !a.force && !a.key.Cached {
				return illegalState("Immutable records may not be deleted without the force flag")
			}
			tx.DateCommits(a.at)
			if id, _, err = tx.Delete(a.key, op, c.Principal.Actor()); err != nil {
				return err
			}
			return c.notifyDelete(tx, a.key, a.at, a.priority)
		})
		if err != nil {
			return Reply{}, err
		}
		return number(id), nil
	},
)

// isDeletable is the grammar of the names that clients delete: what they may
// write, cached copies, and the bootstrap secret.
func isDeletable(typed string) bool {
	if hasFold(typed, "privatekey:") {
		return strings.EqualFold(typed, enroll.CRAMSecretKey)
	}
	if hasFold(typed, "cached:") {
		typed = typed[len("cached:"):]
	}
	return isWritable(typed)
}
