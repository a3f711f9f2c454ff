package store

import (
	"errors"
	"fmt"
)

// RawRow is a row of the database as a copy has it. Only the store knows what is in
// it, and all of it is readable: who keeps such rows keeps them secret.
type RawRow struct {
	Key     []byte
	Value   []byte
	Flags   byte
	Removed bool // then there is neither value nor flags
}

var errAbsent = errors.New("the database is damaged: rows are missing")

// Verify reads every table and checks it. Without that, Badger takes the rows of a
// damaged block for absent.
func (db *DB) Verify() (err error) {
	defer func() {
		if recover() != nil { // Badger's, while it words its error
			err = fmt.Errorf("%s is damaged: a block has a wrong checksum", db.dir)
		}
	}()
	if err := db.kv.VerifyChecksum(); err != nil {
		return fmt.Errorf("%s is damaged: %s", db.dir, oneLine(err.Error()))
	}
	return nil
}

// Everything calls f with each row, by its key, until it returns an error. A
// change is valid until f returns. See Verify, too.
func (tx *Tx) Everything(f func(RawRow) error) error {
	var failed error
	err := tx.iterate(nil, nil, values, func(p pair) bool {
		if p.key[0] != rowJournal {
			failed = f(RawRow{Key: p.key, Value: p.value, Flags: p.flags})
		}
		return failed == nil
	})
	return errors.Join(err, failed)
}

// Since calls f with each row that was written or removed since a mark as it is now,
// more than once perhaps, until it returns an error. It reads no other rows, and
// finds out when one of these is damaged. The error is ErrUnmarked when the mark
// is not known. A change is valid until f returns.
func (tx *Tx) Since(m Mark, f func(RawRow) error) error {
	absent := map[string]bool{} // were written, are not there, so must have been removed later
	err := tx.journalSince(m, func(version uint64, names []byte) error {
		return eachName(names, func(key []byte, removed bool) error {
			item, err := tx.item(key)
			there := err == nil
			switch {
			case err != nil && !errors.Is(err, ErrNotFound):
				return err
			case there && item.Version() > version:
				return nil // comes later
			case there && removed, there && item.Version() < version && key[0] != rowChunk:
				return errAbsent // this is what had been there before
			case removed:
				delete(absent, string(key))
				return f(RawRow{Key: key, Removed: true})
			case !there:
				absent[string(key)] = true
				return nil
			}
			return item.Value(func(value []byte) error {
				return f(RawRow{Key: key, Value: value, Flags: item.UserMeta()})
			})
		})
	})
	if err != nil {
		return err
	}
	if len(absent) > 0 {
		return errAbsent
	}
	value, flags, err := tx.get(countersKey)
	if err != nil {
		return err
	}
	return f(RawRow{Key: countersKey, Value: value, Flags: flags})
}

// Changed tells whether Since would yield anything.
func (tx *Tx) Changed(m Mark) (bool, error) {
	changed := false
	err := tx.journalSince(m, func(_ uint64, names []byte) error {
		if changed = len(names) > 0; changed {
			return errSeen
		}
		return nil
	})
	if changed {
		err = nil
	}
	return changed, err
}

var errSeen = errors.New("seen enough")
