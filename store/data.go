package store

import (
	"errors"
	"time"

	"atserver/store/atkey"
)

// Get returns a record, or ErrNotFound. Expired and unborn records are returned
// too: ask Meta.State.
func (tx *Tx) Get(k atkey.Key) (Record, error) {
	r, err := tx.Peek(k)
	if err == nil {
		err = tx.Load(&r)
	}
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// Peek is Get that leaves a value above 64 KiB where it is. Size tells how long
// it is, and Load fetches it. Put in the same transaction, the record keeps it.
func (tx *Tx) Peek(k atkey.Key) (Record, error) {
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
	r := Record{Key: k, Value: s.value, Meta: s.Meta}
	if s.chunked {
		r.left = &s.head
	}
	return r, nil
}

// Load fetches what Peek left.
func (tx *Tx) Load(r *Record) error {
	if r.left == nil {
		return nil
	}
	suffix, err := tx.layout.suffix(r.Key)
	if err != nil {
		return err
	}
	if r.Value, err = tx.load(suffix, *r.left); err != nil {
		return err
	}
	r.left = nil
	return nil
}

// Put writes a record over whatever was there, and its commit entry. It returns
// the commit id, or -1 for a key that has no entries and for Silent, which takes
// an entry away that the key has. by is the enrollment that writes.
func (tx *Tx) Put(r Record, op Op, by string) (int64, error) {
	suffix, err := tx.layout.suffix(r.Key)
	if err != nil {
		return -1, err
	}
	if _, err := tx.detach(suffix, r.left); err != nil {
		return -1, err
	}
	s := stored{Meta: r.Meta, value: r.Value}
	if r.left != nil {
		s.chunked, s.chunks, s.size = true, r.left.chunks, r.left.size
	}
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
	tx.changes = append(tx.changes, Change{Key: r.Key, ID: s.commit, By: by})
	b, flags := s.encode()
	if err := tx.holdsCopy(suffix, s.head, 1); err != nil {
		return -1, err
	}
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
	if existed, err = tx.detach(suffix, nil); err != nil {
		return -1, false, err
	}
	if existed {
		if err := tx.remove(row(rowData, suffix)); err != nil {
			return -1, false, err
		}
	}
	if id, err = tx.commit(k, op, by); err != nil {
		return -1, existed, err
	}
	tx.changes = append(tx.changes, Change{Key: k, ID: id, Deleted: true, By: by})
	if id < 0 {
		return -1, existed, nil
	}
	return id, existed, tx.set(row(rowDeleted, suffix), be64(uint64(id)), 0)
}

// met is the record that Get returned last: an update mostly puts what it got,
// and need not read it twice. Any change makes it void.
type met struct {
	suffix string
	head   head
}

// detach removes all that hangs on a key, its due time, commit entry and chunks,
// and tells whether there is a record, which it leaves. Chunks that are to be kept
// must still be those of the record.
func (tx *Tx) detach(suffix []byte, keep *head) (existed bool, err error) {
	h, err := tx.head(suffix)
	tx.met = met{}
	if keep != nil && (err != nil || !h.chunked || h.chunks != keep.chunks) {
		return false, errors.Join(errMoved, err)
	}
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
	if err := tx.holdsCopy(suffix, h, -1); err != nil || keep != nil {
		return true, err
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
