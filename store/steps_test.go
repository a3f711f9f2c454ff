package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"atserver/store/atkey"
)

// TestMovePairs brings data of version 1, where the symmetric keys of pairs lay
// among all others, to version 2.
func TestMovePairs(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Sign: me}.defaults()
	db, err := open(o, nil)
	must(t, err)
	const pairs = 4
	var keys []atkey.Key
	for i := range pairs {
		keys = append(keys, parse(t, fmt.Sprintf("@peer%d:shared_key@alice", i)), parse(t, fmt.Sprintf("shared_key.peer%d@alice", i)))
	}
	keys = append(keys, parse(t, "x.wavi@alice"), parse(t, "@bob:x.wavi@alice"))
	large := bytes.Repeat([]byte("v"), 2*chunkSize)
	end := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
	records := map[atkey.Key]Record{}
	for i, k := range keys {
		r := Record{Key: k, Value: []byte(k.String())}
		if i%4 == 1 {
			r.Value, r.Meta.ExpiresAt = large, end
		}
		must(t, db.Update(func(tx *Tx) error {
			_, err := tx.Put(r, OpUpdateAll, "e1")
			return err
		}))
		records[k] = r
	}
	gone := parse(t, "@gone:shared_key@alice")
	must(t, db.Update(func(tx *Tx) error { _, _, err := tx.Delete(gone, OpDelete, "e1"); return err }))
	for _, lettered := range []struct{ now, then byte }{{'y', 's'}, {'Y', 'h'}} {
		must(t, db.Update(func(tx *Tx) error { return relabel(tx, lettered.now, lettered.then) }))
	}
	must(t, db.View(func(tx *Tx) error {
		if _, err := tx.Get(keys[0]); !errors.Is(err, ErrNotFound) {
			t.Errorf("the data is not that of version 1: %v", err)
		}
		return nil
	}))
	must(t, db.Close())

	db = onDisk(t, dir)
	defer db.Close()
	must(t, db.Update(func(tx *Tx) error {
		listed := map[atkey.Key]bool{}
		for e, err := range tx.Keys(Filter{Pairs: new(true)}) {
			must(t, err)
			listed[e.Key] = true
		}
		want := maps.Collect(func(yield func(atkey.Key, bool) bool) {
			for _, k := range keys[:2*pairs] {
				yield(k, true)
			}
		})
		if !maps.Equal(listed, want) {
			t.Errorf("%d pairs are listed, want %d", len(listed), len(want))
		}
		for k, r := range records {
			got, err := tx.Get(k)
			if err != nil || !bytes.Equal(got.Value, r.Value) || !got.Meta.ExpiresAt.Equal(r.Meta.ExpiresAt) {
				t.Errorf("%s: %d bytes, %v", k, len(got.Value), err)
			}
		}
		return noOrphans(tx, len(records))
	}))
	// what hangs on a key is found when it is written again
	must(t, db.Update(func(tx *Tx) error {
		for _, k := range append(slices.Clone(keys), gone) {
			if _, err := tx.Put(Record{Key: k}, OpUpdateAll, "e2"); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, db.View(func(tx *Tx) error {
		n := 0
		for c, err := range tx.Commits(-1) {
			must(t, err)
			if n++; c.By != "e2" {
				t.Errorf("entry left behind: %+v", c)
			}
		}
		if n != len(keys)+1 {
			t.Errorf("%d entries, want %d", n, len(keys)+1)
		}
		return noOrphans(tx, len(keys)+1)
	}))
}

// relabel gives the rows of a class another letter.
func relabel(tx *Tx, from, to byte) error {
	for _, p := range []struct {
		first byte
		at    int // of the letter
	}{{rowData, 1}, {rowDeleted, 1}, {rowChunk, 1}, {rowDue, 9}} {
		err := tx.scan([]byte{p.first}, nil, values, func(row pair) bool {
			if row.key[p.at] != from {
				return true
			}
			moved := bytes.Clone(row.key)
			moved[p.at] = to
			return errors.Join(tx.set(moved, row.value, row.flags), tx.remove(row.key)) == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
