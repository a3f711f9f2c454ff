package store

import (
	"slices"
	"testing"
	"time"
)

// Removing many entries of the access log takes several updates, not one that is too
// large to be done.
func TestTrimManyAccesses(t *testing.T) {
	db := memory(t)
	day := time.UnixMilli(1_700_000_000_000).UTC()
	for range 7 {
		must(t, db.Update(func(tx *Tx) error {
			return tx.LogAccess(slices.Repeat([]Access{{From: "@bob", At: day, Verb: "lookup", Key: "x.wavi@alice"}}, 1000))
		}))
	}
	for _, want := range []int{trimAtOnce, 7000 - trimAtOnce, 0} {
		must(t, db.Update(func(tx *Tx) error {
			n, err := tx.TrimAccesses(3, day.Add(time.Hour))
			if n != want {
				t.Errorf("removed %d, want %d", n, want)
			}
			return err
		}))
	}
}
