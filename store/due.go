package store

import (
	"encoding/binary"
	"errors"
	"time"
)

// A step of Sweep looks at this many due times and stops once it has written
// this many rows, so that updates of others get their turn in between.
const (
	sweepRecords = 500
	sweepWrites  = 500
)

// Sweep removes the records that have expired at now and says how many. It looks
// at due times only, never at records that have none. No commit entry is written:
// the key's own is taken away, as its value can be read no more. It keeps the
// journal within its bounds, too.
func (db *DB) Sweep(now time.Time) (int, error) {
	for total := 0; ; {
		var n int
		var more bool
		err := db.Update(func(tx *Tx) (err error) {
			n, more, err = tx.sweep(now)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; !more {
			return total, db.trimJournal()
		}
	}
}

func (tx *Tx) sweep(now time.Time) (n int, more bool, err error) {
	seen := 0
	scanned := tx.scan([]byte{rowDue}, nil, keysOnly, func(p pair) bool {
		if len(p.key) < 9 || dueTime(p.key).After(now) {
			return false
		}
		if seen++; seen > sweepRecords || len(tx.journal) > sweepWrites {
			more = true
			return false
		}
		var gone bool
		if gone, err = tx.expire(p.key, now); gone {
			n++
		}
		return err == nil
	})
	return n, more, errors.Join(scanned, err)
}

// expire removes the record that a due row names, if it has indeed expired.
func (tx *Tx) expire(due []byte, now time.Time) (gone bool, err error) {
	if err := tx.remove(due); err != nil {
		return false, err
	}
	suffix := due[9:]
	h, err := tx.head(suffix)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil || state(h.available, h.expires, now) != Expired {
		return false, err
	}
	if _, err := tx.detach(suffix, nil); err != nil {
		return false, err
	}
	return true, tx.remove(row(rowData, suffix))
}

// schedule and unschedule keep the due time of a record, if it has one.

func (tx *Tx) schedule(suffix []byte, expires time.Time) error {
	if expires.IsZero() {
		return nil
	}
	return tx.set(dueKey(suffix, expires), []byte{1}, 0)
}

func (tx *Tx) unschedule(suffix []byte, expires time.Time) error {
	if expires.IsZero() {
		return nil
	}
	return tx.remove(dueKey(suffix, expires))
}

// dueKey sorts by time, also before 1970.
func dueKey(suffix []byte, t time.Time) []byte {
	return row(rowDue, be64(uint64(t.UnixMilli())^1<<63), suffix)
}

func dueTime(key []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(key[1:9]) ^ 1<<63))
}
