package store

import (
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"atserver/store/atkey"
)

// Op is what a commit entry tells happened to its key.
type Op byte

const (
	OpUpdate     Op = '+' // value alone
	OpUpdateAll  Op = '*' // value and metadata
	OpUpdateMeta Op = '#' // metadata alone
	OpDelete     Op = '-'

	Silent Op = 0 // no entry, and an entry the key has is taken away
)

// Commit is an entry of the commit log.
type Commit struct {
	ID  int64
	Key string // canonical text
	Op  Op
	At  time.Time
	By  string // enrollment that wrote it
}

// Change is a record that was put or deleted.
type Change struct {
	Key     atkey.Key
	ID      int64 // of the commit entry, -1: none
	Deleted bool
	By      string // enrollment that wrote it
}

const (
	commitOp  = 1
	commitAt  = 2
	commitBy  = 3
	commitKey = 4
)

// commit writes an entry for a key that has none, and returns its id, or -1 when
// there is to be none. The id goes into the record or, of a record deleted, into
// a row of its own: that is how the next change of the key finds the entry.
func (tx *Tx) commit(k atkey.Key, op Op, by string) (int64, error) {
	if op == Silent || !k.Committed() {
		return -1, nil
	}
	id := tx.seq.commit
	b := appendVarint([]byte{recordFormat}, commitOp, uint64(op))
	at := tx.now
	if !tx.dated.IsZero() {
		at = tx.dated
	}
	b = appendTime(b, commitAt, at)
	b = appendBytes(b, commitBy, []byte(by))
	b = appendBytes(b, commitKey, []byte(k.String()))
	if err := tx.set(numbered(rowCommit, id), b, 0); err != nil {
		return -1, err
	}
	tx.seq.commit++
	return id, nil
}

// forgetDeleted takes away the entry that tells of a deletion, if there is one.
func (tx *Tx) forgetDeleted(suffix []byte) error {
	deleted := row(rowDeleted, suffix)
	id, _, err := tx.get(deleted)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(id) != 8 {
		return errRecord
	}
	if err := tx.remove(numbered(rowCommit, int64(binary.BigEndian.Uint64(id)))); err != nil {
		return err
	}
	return tx.remove(deleted)
}

// Commits yields the entries with an id above after, rising. -1 gives them all.
func (tx *Tx) Commits(after int64) iter.Seq2[Commit, error] {
	return entries(tx, rowCommit, after, decodeCommit)
}

// CommitsBack yields the entries from the newest down to that with the first id
// above after.
func (tx *Tx) CommitsBack(after int64) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		err := tx.iterateBack([]byte{rowCommit}, func(p pair) bool {
			if number(p.key) <= after {
				return false
			}
			c, err := decodeCommit(p)
			return yield(c, err) && err == nil
		})
		if err != nil {
			yield(Commit{}, err)
		}
	}
}

// Commit returns an entry of the log, or ErrNotFound.
func (tx *Tx) Commit(id int64) (Commit, error) {
	key := numbered(rowCommit, id)
	b, _, err := tx.get(key)
	if err != nil {
		return Commit{}, err
	}
	return decodeCommit(pair{key: key, value: b})
}

// CommitOf returns the id of the entry that tells of a key, -1 if there is none.
func (tx *Tx) CommitOf(k atkey.Key) (int64, error) {
	suffix, err := tx.layout.suffix(k)
	if err != nil {
		return -1, err
	}
	if h, err := tx.head(suffix); !errors.Is(err, ErrNotFound) {
		return h.commit, err
	}
	id, _, err := tx.get(row(rowDeleted, suffix))
	switch {
	case errors.Is(err, ErrNotFound):
		return -1, nil
	case err != nil || len(id) != 8:
		return -1, errors.Join(errRecord, err)
	}
	return int64(binary.BigEndian.Uint64(id)), nil
}

// entries yields the rows of a log with a number above after, rising, up to the
// first that cannot be read.
func entries[T any](tx *Tx, log byte, after int64, decode func(pair) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := tx.scan([]byte{log}, numbered(log, max(after, -1)+1), values, func(p pair) bool {
			e, err := decode(p)
			return yield(e, err) && err == nil
		})
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

func decodeCommit(p pair) (Commit, error) {
	c := Commit{ID: number(p.key)}
	err := eachField(p.value, func(num protowire.Number, n uint64, data []byte) bool {
		switch num {
		case commitOp:
			c.Op = Op(n)
		case commitAt:
			c.At = fromMillis(n)
		case commitBy:
			c.By = string(data)
		case commitKey:
			c.Key = string(data)
		}
		return true
	})
	if err == nil && (c.ID < 0 || c.Key == "") {
		err = errRecord
	}
	return c, err
}
