package store

import (
	"bytes"
	"errors"
	"testing"
)

// chunkCount is how many chunks a value of n bytes is written in.
func chunkCount(n int) int { return (n + chunkLength - 1) / chunkLength }

// A value is read and removed whatever the length of its chunks: that has been
// another one before. One with a gap is damaged.
func TestChunksOfAnyLength(t *testing.T) {
	value := bytes.Repeat([]byte("0123456789"), 20_000)
	for _, length := range []int{1000, chunkLength, 64 << 10, len(value)} {
		db := memory(t)
		must(t, db.Update(func(tx *Tx) error {
			_, err := tx.Put(Record{Key: self("x"), Value: value}, OpUpdateAll, "")
			return err
		}))
		var prefix []byte
		must(t, db.Update(func(tx *Tx) error { // as another version wrote it
			r, err := tx.Peek(self("x"))
			must(t, err)
			suffix, err := tx.layout.suffix(self("x"))
			must(t, err)
			prefix = chunkPrefix(suffix, r.left.chunks)
			must(t, tx.each(prefix, tx.remove))
			for n := 0; n*length < len(value); n++ {
				part := value[n*length : min((n+1)*length, len(value))]
				must(t, tx.set(chunkKey(prefix, n), part, 0))
			}
			return nil
		}))
		must(t, db.View(func(tx *Tx) error {
			r, err := tx.Get(self("x"))
			if err != nil || !bytes.Equal(r.Value, value) {
				t.Errorf("in chunks of %d: %d bytes, %v", length, len(r.Value), err)
			}
			return nil
		}))
		for _, damage := range []func(tx *Tx) error{
			func(tx *Tx) error { return tx.set(chunkKey(prefix, 0), nil, 0) },
			func(tx *Tx) error { return tx.set(chunkKey(prefix, 0), append(value, '!'), 0) },
			func(tx *Tx) error { return tx.remove(chunkKey(prefix, 0)) },
		} {
			must(t, db.Update(damage))
			must(t, db.View(func(tx *Tx) error {
				if _, err := tx.Get(self("x")); !errors.Is(err, errRecord) {
					t.Errorf("in chunks of %d, one damaged: %v", length, err)
				}
				return nil
			}))
		}
		must(t, db.Update(func(tx *Tx) error {
			_, _, err := tx.Delete(self("x"), OpDelete, "")
			return err
		}))
		if n := rows(t, db, string(rowChunk)); n != 0 {
			t.Errorf("in chunks of %d: %d are left", length, n)
		}
	}
}
