package store

import (
	"bytes"
	"maps"
	"slices"

	"atserver/store/atkey"
)

// steps lead from version 1 to the current one. The first one leads to 2. A step
// that has been released is never changed.
var steps = []step{
	movePairs, // gave the symmetric keys of pairs classes of their own
	countAll,  // counts what others have the server keep
}

// movePairs gives rows the suffix that their key has now.
func movePairs(db *DB) error {
	for _, kind := range []struct {
		prefix      []byte
		begin, tail int // of the suffix in the row's key
	}{
		{[]byte{rowData, 's'}, 1, 0},
		{[]byte{rowData, 'h'}, 1, 0},
		{[]byte{rowDeleted, 's'}, 1, 0},
		{[]byte{rowDeleted, 'h'}, 1, 0},
		{[]byte{rowChunk, 's'}, 1, 14},
		{[]byte{rowChunk, 'h'}, 1, 14},
		{[]byte{rowDue}, 9, 0},
	} {
		from := kind.prefix
		for from != nil {
			err := db.Update(func(tx *Tx) (err error) {
				from, err = tx.moveSuffixes(kind.prefix, from, kind.begin, kind.tail)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// moveSuffixes moves rows of one kind, and returns where to go on, nil at the end.
func (tx *Tx) moveSuffixes(prefix, from []byte, begin, tail int) (next []byte, err error) {
	scanned := tx.scan(prefix, from, values, func(p pair) bool {
		if len(p.key) < begin+tail {
			err = errKey
			return false
		}
		suffix := p.key[begin : len(p.key)-tail]
		k, bad := tx.layout.key(suffix)
		if bad != nil {
			err = bad
			return false
		}
		moved, bad := tx.layout.suffix(k)
		if bad != nil {
			err = bad
			return false
		}
		if bytes.Equal(moved, suffix) {
			return true
		}
		to := append(append(bytes.Clone(p.key[:begin]), moved...), p.key[len(p.key)-tail:]...)
		if err = tx.set(to, p.value, p.flags); err == nil {
			err = tx.remove(p.key)
		}
		if err == nil && tx.batch.full() {
			next = append(p.key, 0)
			return false
		}
		return err == nil
	})
	if err == nil {
		err = scanned
	}
	return next, err
}

// countAll writes the rows that tell what others have the server keep.
func countAll(db *DB) error {
	var counted map[atkey.Sign]Held
	if err := db.View(func(tx *Tx) (err error) { counted, err = tx.countHeld(); return err }); err != nil {
		return err
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(counted)), 1000) {
		if err := db.Update(func(tx *Tx) error {
			for _, of := range some {
				if err := tx.setHeld(of, counted[of]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
