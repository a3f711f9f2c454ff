package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// Each commit syncs the file that Badger wrote it to, also the first one in a new
// file, and also chunks.
func TestWALFollowsBadger(t *testing.T) {
	if !ownSync {
		t.Skip("Badger syncs by itself here")
	}
	dir := t.TempDir()
	db := onDisk(t, dir)
	defer db.Close()
	first := db.writer.wal.n
	check := func() {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "db", "*.mem"))
		must(t, err)
		if newest, synced := slices.Max(files), db.writer.wal.f.Name(); newest != synced {
			t.Fatalf("synced %s, written to %s", synced, newest)
		}
	}
	check()
	for i := range 25 { // about 12 MB, and 20 in chunks
		must(t, db.Update(fill(fmt.Sprint(i), 450)))
		check()
		if i%20 == 0 {
			must(t, db.Update(put("x", string(make([]byte, 10_000_000)))))
			check()
		}
	}
	if n := db.writer.wal.n - first; n < 4 {
		t.Errorf("only %d files were begun", n)
	}
}

// Tables are merged in time, and nothing is lost by it.
func TestTablesAreMerged(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		db, err := Open(Options{Dir: dir, Sign: me})
		must(t, err)
		for i := range 60 { // about 27 MB, in 6 tables and more
			must(t, db.Update(fill(fmt.Sprint(i%7), 450)))
			if n := db.compactor.tables(); n > holdAt+3 {
				t.Errorf("%d tables", n)
			}
		}
		must(t, db.compactor.wait())
		if n := db.compactor.tables(); n >= mergeAt {
			t.Errorf("%d tables in the end", n)
		}
		if n := rows(t, db, ""); n != 7*450 {
			t.Errorf("%d rows", n)
		}
		must(t, db.Close())
	}
}

// A database with too many tables, as many a crash might leave, opens, and has
// them merged before it takes an update.
func TestTooManyTables(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	must(t, db.Update(put("x", "1")))
	must(t, db.Close())
	key := db.Key("badger")
	for i := range holdAt + 5 { // every Close makes a table
		kv, err := badger.Open(tune(db.dir, key[:], &logger{}))
		must(t, err)
		must(t, kv.Update(func(txn *badger.Txn) error { return txn.Set(tableRow(Settings, fmt.Sprint(i)), []byte("v")) }))
		must(t, kv.Close())
	}
	db = onDisk(t, dir)
	defer db.Close()
	must(t, db.Update(put("x", "2")))
	if n := db.compactor.tables(); n >= holdAt {
		t.Errorf("%d tables", n)
	}
	if n := rows(t, db, ""); n != holdAt+5 {
		t.Errorf("%d rows", n)
	}
}
