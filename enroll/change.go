package enroll

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// change is one step of the registry from a committed state to the next. It
// lives in a transaction of the store, so that what follows from a decision (an
// audit entry, a record that moves) is kept with it or not at all.
type change struct {
	*store.Tx
	sign atkey.Sign
	now  time.Time
	old  *snapshot // as committed; every rule is judged by it
	next *snapshot // what readers see once this is committed
}

// Now is the time that decisions are judged by: the latest that anybody has seen,
// so that they agree with what readers were told.
func (c *change) Now() time.Time { return c.now }

// versionRow counts the changes of the registry.
const versionRow = "enrollments.version"

// errStale tells that another change is committed together with this one, so
// that the snapshot does not show it yet.
var errStale = errors.New("the snapshot is older than the store")

// change runs fn on the latest state and shows the outcome to readers after the
// commit. Changes follow one another; fn may be run more than once.
func (r *Registry) change(fn func(*change) error) error {
	for {
		err := r.db.Update(func(tx *store.Tx) error {
			old := r.snapshot.Load()
			version, err := readVersion(tx)
			if err != nil {
				return err
			}
			if version != old.version {
				return errStale
			}
			c := &change{Tx: tx, sign: r.sign, now: tx.Now(), old: old, next: old.clone()}
			if seen := r.Time(); seen.After(c.now) {
				c.now = seen.Truncate(time.Millisecond)
			}
			c.next.version = version + 1
			tx.AfterCommit(func() { r.snapshot.Store(c.next) }) // before whatever fn has to tell
			if err := fn(c); err != nil {
				return err
			}
			return tx.PutRow(store.Settings, versionRow, binary.AppendUvarint(nil, c.next.version))
		})
		if !errors.Is(err, errStale) {
			return err
		}
	}
}

func readVersion(tx *store.Tx) (uint64, error) {
	raw, err := tx.Row(store.Settings, versionRow)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	version, n := binary.Uvarint(raw)
	if err == nil && n <= 0 {
		err = fmt.Errorf("row %s is damaged", versionRow)
	}
	return version, err
}

func (s *snapshot) clone() *snapshot {
	return &snapshot{
		version: s.version, enrollments: maps.Clone(s.enrollments), keys: maps.Clone(s.keys),
		bootstrap: s.bootstrap, blocked: s.blocked, revoked: s.revoked,
	}
}

// put writes an enrollment, which the caller does not change afterwards.
func (c *change) put(e *Enrollment) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding enrollment %s: %w", e.ID, err)
	}
	if before := c.next.enrollments[e.ID]; before != nil {
		delete(c.next.keys, before.Fingerprint)
	}
	c.next.enrollments[e.ID], c.next.keys[e.Fingerprint] = e, e.ID
	return c.PutRow(store.Enrollments, e.ID, raw)
}

func (c *change) remove(id string) error {
	if e := c.next.enrollments[id]; e != nil {
		delete(c.next.keys, e.Fingerprint)
	}
	delete(c.next.enrollments, id)
	if err := c.DeleteRow(store.LastSeen, id); err != nil {
		return err
	}
	return c.DeleteRow(store.Enrollments, id)
}

// revised returns a copy of an enrollment that may be changed.
func (e *Enrollment) revised() *Enrollment {
	copied := *e
	return &copied
}
