package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUpgrade(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Sign: me}.defaults()
	data := filepath.Join(dir, "db")
	db := onDisk(t, dir)
	must(t, db.Update(put("x", "1")))
	must(t, db.Close())
	before := fingerprint(t, data)

	runs := 0
	two := func(db *DB) error {
		runs++
		return db.Update(put("x", "2"))
	}
	fails := func(*DB) error { return errWanted }
	now := version(steps)
	if _, err := open(o, append(slices.Clone(steps), two, fails)); !errors.Is(err, errWanted) {
		t.Fatalf("open: %v", err)
	}
	// The copy is the data as it was, whole, and is not made a second time.
	copied := fingerprint(t, copyOf(data, now))
	if len(copied) < len(before) {
		t.Errorf("%d files copied, of %d", len(copied), len(before))
	}
	three := func(db *DB) error {
		runs++
		return db.Update(func(tx *Tx) error {
			r, err := tx.Get(self("x"))
			if err == nil {
				err = put("x", string(r.Value)+"3")(tx)
			}
			return err
		})
	}
	for range 2 {
		db, err := open(o, append(slices.Clone(steps), two, three))
		must(t, err)
		must(t, db.View(func(tx *Tx) error {
			if r, err := tx.Get(self("x")); string(r.Value) != "23" {
				t.Errorf("%q, %v", r.Value, err)
			}
			return nil
		}))
		must(t, db.Close())
	}
	if runs != 2 {
		t.Errorf("%d steps were run, want each once", runs)
	}
	if again := fingerprint(t, copyOf(data, now)); fmt.Sprint(again) != fmt.Sprint(copied) {
		t.Error("the copy was changed")
	}
	refused(t, o, dir, fmt.Sprintf("schema version %d, this program knows %d", now+2, now))

	// Going back is putting the copy in place.
	must(t, os.Rename(data, data+".new"))
	must(t, os.Rename(copyOf(data, now), data))
	db = onDisk(t, dir)
	defer db.Close()
	must(t, db.View(func(tx *Tx) error {
		if r, err := tx.Get(self("x")); string(r.Value) != "1" {
			t.Errorf("%q, %v", r.Value, err)
		}
		return nil
	}))
}

func TestUnfinishedCopyIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Sign: me}.defaults()
	must(t, onDisk(t, dir).Close())
	left := copyOf(filepath.Join(dir, "db"), version(steps)) + ".unfinished"
	must(t, os.Mkdir(left, 0o700))
	must(t, os.WriteFile(filepath.Join(left, "MANIFEST"), []byte("half"), 0o600))
	db, err := open(o, append(slices.Clone(steps), func(*DB) error { return nil }))
	must(t, err)
	defer db.Close()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

// A new database has the current version and takes no steps.
func TestNewDatabaseTakesNoSteps(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		db, err := open(Options{Dir: dir, Sign: me}.defaults(), []step{func(*DB) error { return errWanted }})
		must(t, err)
		must(t, db.Close())
	}
}
