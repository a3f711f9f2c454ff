package store

import (
	"strings"
	"testing"
)

// A failed disk ends all writing, and nothing else.
func TestNoRoomAndBrokenDisk(t *testing.T) {
	db := memory(t)
	if err := db.Update(put("x", "1")); err != nil {
		t.Fatal(err)
	}
	// The second commit of a large value finds no room: its id is used up.
	rooms := 1
	db.writer.room = func() error {
		if rooms--; rooms < 0 {
			return ErrNoSpace
		}
		return nil
	}
	if err := db.Update(put("x", strings.Repeat("x", 30*chunkSize))); err != ErrNoSpace {
		t.Errorf("large value: %v", err)
	}
	rooms = 10
	if err := db.Update(put("z", strings.Repeat("z", 2*chunkSize))); err != nil {
		t.Error(err)
	}
	if err := db.Update((*Tx).unstage); err != nil {
		t.Error(err)
	}
	if err := db.View(func(tx *Tx) error { return noOrphans(tx, 2) }); err != nil {
		t.Error(err)
	}
	full := true
	db.writer.room = func() error {
		if full {
			return ErrNoSpace
		}
		return nil
	}
	if err := db.Update(put("x", "2")); err != ErrNoSpace {
		t.Errorf("on a full disk: %v", err)
	}
	if err := db.Update(func(*Tx) error { return nil }); err != nil {
		t.Errorf("update without a write: %v", err)
	}
	full = false
	if err := db.Update(put("x", "3")); err != nil {
		t.Errorf("after room was made: %v", err)
	}
	db.writer.broken = errWanted
	if err := db.Update(put("x", "4")); err != errWanted {
		t.Errorf("on a broken disk: %v", err)
	}
	db.View(func(tx *Tx) error {
		if r, err := tx.Get(self("x")); string(r.Value) != "3" || lastCommit(tx) != 2 {
			t.Errorf("%q, %v, last commit %d", r.Value, err, lastCommit(tx))
		}
		return nil
	})
}
