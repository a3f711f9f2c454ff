package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func audit(tx *Tx) error { return tx.Audit(Event{Actor: "e1", Action: "test", Outcome: "ok"}) }

// Health tells of writes that fail, for as long as they do.
func TestHealth(t *testing.T) {
	db := memory(t)
	healthy := func(want error) {
		t.Helper()
		if err := db.Health(); err != want {
			t.Errorf("health %v, want %v", err, want)
		}
	}
	healthy(nil)
	full := false
	db.writer.room = func() error {
		if full {
			return ErrNoSpace
		}
		return nil
	}
	if err := db.Update(audit); err != nil {
		t.Fatal(err)
	}
	full = true
	healthy(nil) // nobody has written
	if err := db.Update(audit); err != ErrNoSpace {
		t.Fatal(err)
	}
	healthy(ErrNoSpace)
	if err := db.Update(func(*Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	healthy(ErrNoSpace) // nothing was written
	full = false
	if err := db.Update(func(tx *Tx) error { return errors.Join(audit(tx), errWanted) }); err == nil {
		t.Fatal("the update must fail")
	}
	healthy(ErrNoSpace) // what was refused for reasons of its own says nothing
	if err := db.Update(audit); err != nil {
		t.Fatal(err)
	}
	healthy(nil)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	healthy(ErrClosed)
}

// A full disk that has room again is healthy before anybody writes.
func TestHealthOnceThereIsRoom(t *testing.T) {
	db, err := Open(Options{Dir: t.TempDir(), Sign: me})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	room := db.writer.room
	db.writer.room = func() error { return ErrNoSpace }
	if err := db.Update(audit); err != ErrNoSpace {
		t.Fatal(err)
	}
	if db.writer.fault.Load() == nil {
		t.Fatal("nothing remembered")
	}
	db.writer.room = room
	if err := db.Health(); err != nil {
		t.Error(err)
	}
}

// On a disk that fails changes are refused, with them their audit entries; reads go
// on, and the fault stays.
func TestHealthOfBrokenDisk(t *testing.T) {
	if !ownSync {
		t.Skip("Badger syncs here")
	}
	dir := t.TempDir()
	db, err := Open(Options{Dir: dir, Sign: me})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(put("x", "1")); err != nil {
		t.Fatal(err)
	}
	files := filepath.Join(dir, "db")
	if err := errors.Join(os.Rename(files, files+".away"), os.WriteFile(files, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := db.Update(func(tx *Tx) error { return errors.Join(put("x", "2")(tx), audit(tx)) })
		if err == nil || db.Health() != err {
			t.Fatalf("update: %v, health: %v", err, db.Health())
		}
	}
	if err := errors.Join(os.Remove(files), os.Rename(files+".away", files)); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(audit); err == nil || db.Health() == nil {
		t.Error("what is on disk nobody knows, and it is written all the same")
	}
	if err := db.View(func(tx *Tx) error { _, err := tx.Get(self("x")); return err }); err != nil {
		t.Errorf("reads must go on: %v", err)
	}
}
