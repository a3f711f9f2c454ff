package store

import (
	"errors"
	"time"

	"atserver/store/atkey"
)

// Get returns a record, or ErrNotFound. Expired and unborn records are returned
// too: ask Meta.State.
func (tx *Tx) Get(k atkey.Key) (Record, error) {
	suffix, err := tx.layout.suffix(k)
	if err != nil {
		return Record{}, err
	}
	b, _, err := tx.get(row(rowData, suffix))
	if err != nil {
		return Record{}, err
	}
	s, err := decode(b)
	if err != nil {
		return Record{}, err
	}
	tx.met = met{string(suffix), s.head}
	if s.chunked {
		if s.value, err = tx.load(suffix, s.head); err != nil {
			return Record{}, err
		}
	}
	return Record{Key: k, Value: s.value, Meta: s.Meta}, nil
}

// Put writes a record over whatever was there, and its commit entry. It returns
// the commit id, or -1 for a key that has no entries and for Silent, which takes
// an entry away that the key has. by is the enrollment that writes.
func (tx *Tx) Put(r Record, op Op, by string) (int64, error) {
	suffix, err := tx.layout.suffix(r.Key)
	if err != nil {
		return -1, err
	}
	if _, err := tx.detach(suffix); err != nil {
		return -1, err
	}
	s := stored{Meta: r.Meta, value: r.Value}
	for _, t := range append(s.times(), &s.AvailableAt, &s.ExpiresAt) {
		*t = t.Truncate(time.Millisecond)
	}
	if len(r.Value) > chunkSize {
		if err := tx.chunk(suffix, &s); err != nil {
			return -1, err
		}
	}
	if err := tx.schedule(suffix, s.ExpiresAt); err != nil {
		return -1, err
	}
	if s.commit, err = tx.commit(r.Key, op, by); err != nil {
		return -1, err
	}
	b, flags := s.encode()
	return s.commit, tx.set(row(rowData, suffix), b, flags)
}

// Delete removes a record and writes the commit entry that tells of it, also for
// a record that was not there. With Silent it takes the key's entry away instead.
// The id is -1 when there is no entry.
func (tx *Tx) Delete(k atkey.Key, op Op, by string) (id int64, existed bool, err error) {
	suffix, err := tx.layout.suffix(k)
	if err != nil {
		return -1, false, err
	}
	if existed, err = tx.detach(suffix); err != nil {
		return -1, false, err
	}
	if existed {
		if err := tx.remove(row(rowData, suffix)); err != nil {
			return -1, false, err
		}
	}
	if id, err = tx.commit(k, op, by); err != nil || id < 0 {
		return -1, existed, err
	}
	return id, existed, tx.set(row(rowDeleted, suffix), be64(uint64(id)), 0)
}

// met is the record that Get returned last: an update mostly puts what it got,
// and need not read it twice. Any change makes it void.
type met struct {
	suffix string
	head   head
}

// detach removes all that hangs on a key, its due time, chunks and commit entry,
// and tells whether there is a record, which it leaves.
func (tx *Tx) detach(suffix []byte) (existed bool, err error) {
	h, err := tx.head(suffix)
	tx.met = met{}
	if errors.Is(err, ErrNotFound) {
		return false, tx.forgetDeleted(suffix)
	}
	if err != nil {
		return false, err
	}
	if h.commit >= 0 {
		if err := tx.remove(numbered(rowCommit, h.commit)); err != nil {
			return false, err
		}
	}
	if err := tx.unschedule(suffix, h.expires); err != nil {
		return false, err
	}
	return true, tx.unchunk(suffix, h)
}

func (tx *Tx) head(suffix []byte) (head, error) {
	if tx.met.suffix == string(suffix) {
		return tx.met.head, nil
	}
	b, _, err := tx.get(row(rowData, suffix))
	if err != nil {
		return head{}, err
	}
	return decodeHead(b)
}
