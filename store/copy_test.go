package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// mark makes a mark.
func mark(t testing.TB, db *DB) (m Mark) {
	t.Helper()
	must(t, db.Update(func(tx *Tx) (err error) {
		m, err = tx.Mark()
		return err
	}))
	return m
}

// copied is everything in a database, or what changed since a mark.
func copied(t testing.TB, db *DB, since *Mark) (changes []RawRow) {
	t.Helper()
	must(t, db.View(func(tx *Tx) error {
		keep := func(c RawRow) error {
			changes = append(changes, RawRow{bytes.Clone(c.Key), bytes.Clone(c.Value), c.Flags, c.Removed})
			return nil
		}
		if since == nil {
			return tx.Everything(keep)
		}
		return tx.Since(*since, keep)
	}))
	return changes
}

func each(changes []RawRow) iter.Seq2[RawRow, error] {
	return func(yield func(RawRow, error) bool) {
		for _, c := range changes {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// wantLoaded loads changes and wants all that is in db.
func wantLoaded(t testing.TB, db *DB, changes []RawRow) {
	t.Helper()
	dir := t.TempDir()
	must(t, Load(Options{Dir: dir}, each(changes)))
	loaded := onDisk(t, dir)
	defer loaded.Close()
	want, got := copied(t, db, nil), copied(t, loaded, nil)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || !bytes.Equal(want[i].Key, got[i].Key) || !bytes.Equal(want[i].Value, got[i].Value) || want[i].Flags != got[i].Flags {
			t.Fatalf("%d rows loaded, want %d; row %d differs", len(got), len(want), i)
		}
	}
	if _, err := loaded.VerifyAudit(); err != nil {
		t.Error(err)
	}
}

// merged is the database opened again, with all tables merged into the last level,
// where Badger lets delete markers go.
func merged(t testing.TB, db *DB, dir string) *DB {
	t.Helper()
	for range mergeAt { // each leaves a table
		must(t, db.Update(put("merged", "")))
		must(t, db.Close())
		db = onDisk(t, dir)
	}
	must(t, db.compactor.wait())
	return db
}

// What was removed since a mark is told even when Badger has no trace of it left.
func TestIncrementTellsOfRemovals(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	defer func() { db.Close() }()
	for i := range 20 {
		must(t, db.Update(put(fmt.Sprint("k", i), strings.Repeat("v", 3*chunkSize))))
	}
	db = merged(t, db, dir)
	chain := copied(t, db, nil)
	since := mark(t, db)
	before := db.kv.MaxVersion()
	for i := range 19 {
		must(t, db.Update(func(tx *Tx) error {
			_, _, err := tx.Delete(self(fmt.Sprint("k", i)), Silent, "e1")
			return err
		}))
	}
	db = merged(t, db, dir)
	markers := 0
	must(t, db.kv.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{AllVersions: true, SinceTs: before})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if it.Item().IsDeletedOrExpired() {
				markers++
			}
		}
		return nil
	}))
	if markers > 0 {
		t.Fatalf("%d delete markers are left: this proves nothing", markers)
	}
	wantLoaded(t, db, append(chain, copied(t, db, &since)...))
}

// A chain of increments gives what the database holds at its end, whatever
// happens in between.
func TestIncrements(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	defer func() { db.Close() }()
	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	var chain []RawRow
	var since *Mark
	for range 12 {
		for i := range r.IntN(60) {
			name := fmt.Sprint("k", r.IntN(25))
			if _, err := crashUpdate(db, name, i+r.IntN(100)); err != nil && err != errWanted {
				t.Fatal(err)
			}
		}
		next := mark(t, db)
		if r.IntN(2) == 0 { // what comes between mark and copy is told twice
			must(t, db.Update(put("between", fmt.Sprint(r.Int()))))
		}
		chain = append(chain, copied(t, db, since)...)
		since = &next
		if r.IntN(3) == 0 {
			db = merged(t, db, dir)
		}
	}
	must(t, db.Update(func(tx *Tx) error { // the last increment is of one update
		_, _, err := tx.Delete(self("between"), OpDelete, "e1")
		return err
	}))
	chain = append(chain, copied(t, db, since)...)
	wantLoaded(t, db, chain)
}

// Updates that fail, share a batch, or have to be done again are journalled as
// they end.
func TestJournalOfBatches(t *testing.T) {
	db := memory(t)
	must(t, db.Update(put("a", "1")))
	full := copied(t, db, nil)
	since := mark(t, db)
	errs := batchOf(db,
		put("a", "2"),
		func(tx *Tx) error { return errors.Join(put("a", "3")(tx), put("b", "3")(tx), errWanted) },
		put("c", "4"),
		func(tx *Tx) error { _, _, err := tx.Delete(self("c"), OpDelete, ""); return err },
		put("large", strings.Repeat("x", 2*chunkSize)),
		put("large", strings.Repeat("y", 2*chunkSize)),
	)
	if errs[1] == nil || errors.Join(errs[0], errs[2], errs[3], errs[4], errs[5]) != nil {
		t.Fatal(errs)
	}
	wantLoaded(t, db, append(full, copied(t, db, &since)...))
}

// What fits in an update fits with its journal, too: the largest value under the
// longest name, written, replaced and deleted.
func TestJournalOfTheLargest(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	defer db.Close()
	since := mark(t, db)
	name := strings.Repeat("n", 248)
	full := copied(t, db, nil)
	for _, fill := range []string{"1", "2"} {
		must(t, db.Update(put(name, strings.Repeat(fill, maxLarge))))
	}
	must(t, db.Update(func(tx *Tx) error { _, _, err := tx.Delete(self(name), OpDelete, ""); return err }))
	wantLoaded(t, db, append(full, copied(t, db, &since)...))
}

func TestChangedSince(t *testing.T) {
	db := memory(t)
	changed := func(m Mark) (changed bool) {
		t.Helper()
		must(t, db.View(func(tx *Tx) (err error) {
			changed, err = tx.Changed(m)
			return err
		}))
		return changed
	}
	one := mark(t, db)
	two := mark(t, db)
	if changed(one) || changed(two) {
		t.Error("a mark is no change")
	}
	must(t, db.Update(put("x", "1")))
	three := mark(t, db)
	if !changed(one) || !changed(two) || changed(three) {
		t.Error("an update is one, for the marks before it")
	}
	if back, err := ParseMark(three.String()); err != nil || back != three {
		t.Errorf("%v read back: %v, %v", three, back, err)
	}
	for _, text := range []string{"", "3", "3-", "x-00", three.String() + "00", " " + three.String()} {
		if _, err := ParseMark(text); err == nil {
			t.Errorf("%q is taken for a mark", text)
		}
	}
}

// A mark of another database, or of a future that a folder put back does not have,
// is not known.
func TestForeignMark(t *testing.T) {
	one, two := memory(t), memory(t)
	m := mark(t, one)
	mark(t, two)
	for _, unknown := range []Mark{m, {}, {number: 99}} {
		must(t, two.View(func(tx *Tx) error {
			if err := tx.Since(unknown, func(RawRow) error { return nil }); err != ErrUnmarked {
				t.Errorf("%v: %v", unknown, err)
			}
			if _, err := tx.Changed(unknown); err != ErrUnmarked {
				t.Errorf("%v: %v", unknown, err)
			}
			return nil
		}))
	}
}

// Nothing is journalled until somebody makes a mark, and no more than the limit
// for one who does not come back.
func TestJournalEnds(t *testing.T) {
	db := memory(t)
	rows := func() (n int) {
		must(t, db.View(func(tx *Tx) error {
			return tx.scan([]byte{rowJournal}, nil, keysOnly, func(pair) bool { n++; return true })
		}))
		return n
	}
	must(t, db.Update(put("x", "1")))
	if n := rows(); n != 0 {
		t.Fatalf("%d journal rows without a mark", n)
	}
	forgotten := mark(t, db)
	long := strings.Repeat("n", 240) // behind a number: what names begin with alike is written once
	write := func(bytes int64) {
		for start := db.writer.seq.journal.size; db.writer.seq.journal.size < start+bytes; {
			must(t, db.Update(func(tx *Tx) error {
				for i := range 1000 {
					if err := tx.PutRow(Settings, fmt.Sprint(i, long), nil); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	}
	write(journalLimit / 2)
	kept := mark(t, db)
	sweep := func() {
		_, err := db.Sweep(time.Now())
		must(t, err)
	}
	write(journalLimit/2 + 1)
	sweep()
	must(t, db.View(func(tx *Tx) error {
		if _, err := tx.Changed(forgotten); err != ErrUnmarked {
			t.Errorf("the older mark: %v", err)
		}
		_, err := tx.Changed(kept)
		return err
	}))
	write(journalLimit)
	sweep()
	must(t, db.Update(put("x", "2")))
	if n := rows(); n != 0 {
		t.Errorf("%d journal rows for nobody", n)
	}
	mark(t, db)
	must(t, db.Update(put("x", "3")))
	if n := rows(); n != 3 {
		t.Errorf("%d journal rows after a new mark, want it, its transaction and the next", n)
	}
}

// A program that knows no journal wrote to the database in between: then it has a
// gap, and is given up.
func TestJournalWithAGap(t *testing.T) {
	for _, gap := range []bool{false, true} {
		dir := t.TempDir()
		db := onDisk(t, dir)
		m := mark(t, db)
		must(t, db.Update(put("x", "1")))
		must(t, db.trimJournal())
		if gap {
			must(t, db.kv.Update(func(txn *badger.Txn) error {
				return txn.Set(countersKey, db.writer.seq.encode())
			}))
		}
		must(t, db.Close())
		db = onDisk(t, dir)
		must(t, db.View(func(tx *Tx) error {
			if _, err := tx.Changed(m); gap != (err == ErrUnmarked) {
				t.Errorf("gap %v: %v", gap, err)
			}
			return nil
		}))
		must(t, db.Close())
	}
}

// No copy is made of a damaged database as if rows that cannot be read were not
// there.
func TestDamageIsNoRemoval(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	m := mark(t, db)
	for i := range 20 {
		must(t, db.Update(func(tx *Tx) (err error) {
			for k := range 100 {
				err = errors.Join(err, put(fmt.Sprint("k", i, ".", k), strings.Repeat("v", 100))(tx))
			}
			return err
		}))
	}
	must(t, db.Close())
	tables, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	must(t, err)
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	raw, err := os.ReadFile(tables[0])
	must(t, err)
	for at := len(raw) / 4; at < len(raw)/2; at += 4096 {
		raw[at] ^= 1
	}
	must(t, os.WriteFile(tables[0], raw, 0o600))
	db = onDisk(t, dir)
	defer db.Close()
	if err := db.Verify(); err == nil || !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "\n") {
		t.Errorf("of everything: %v", err)
	}
	must(t, db.View(func(tx *Tx) error {
		if err := tx.Since(m, func(RawRow) error { return nil }); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("of an increment: %v", err)
		}
		return nil
	}))
}

func TestLoadRefuses(t *testing.T) {
	db := memory(t)
	must(t, db.Update(put("x", "1")))
	dir := t.TempDir()
	must(t, onDisk(t, dir).Close())
	before := fingerprint(t, dir)
	if err := Load(Options{Dir: dir}, each(copied(t, db, nil))); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over a database: %v", err)
	}
	if !slices.Equal(sorted(before), sorted(fingerprint(t, dir))) {
		t.Error("it was changed")
	}
	broken := func(yield func(RawRow, error) bool) { yield(RawRow{}, errWanted) }
	if err := Load(Options{Dir: t.TempDir()}, broken); err != errWanted {
		t.Errorf("of a copy that ends early: %v", err)
	}
}

func sorted(sums map[string]string) (all []string) {
	for path, sum := range sums {
		all = append(all, path+" "+sum)
	}
	slices.Sort(all)
	return all
}

// Commit ids that were given out after the copy was made are not given out again.
func TestRestoredLeavesCommitsOut(t *testing.T) {
	db := memory(t)
	must(t, db.Update(put("x", "1")))
	full := copied(t, db, nil)
	dir := t.TempDir()
	must(t, Load(Options{Dir: dir}, each(full)))
	restored := onDisk(t, dir)
	defer restored.Close()
	must(t, restored.Restored(Event{Actor: "operator", Action: "restore", Outcome: "allow"}))
	must(t, restored.Update(put("y", "1")))
	must(t, restored.View(func(tx *Tx) error {
		if id := lastCommit(tx); id != 1+lostCommits {
			t.Errorf("commit %d", id)
		}
		return nil
	}))
	if n, err := restored.VerifyAudit(); n != 1 || err != nil {
		t.Errorf("audit: %d, %v", n, err)
	}
}

// Data of an older schema can be copied before it is upgraded.
func TestAsIs(t *testing.T) {
	dir := t.TempDir()
	must(t, onDisk(t, dir).Close())
	newer := append(slices.Clone(steps), func(*DB) error { return errWanted })
	o := Options{Dir: dir, Sign: me, AsIs: true}.defaults()
	db, err := open(o, newer)
	must(t, err)
	must(t, db.Close())
	if _, err := os.Stat(copyOf(filepath.Join(dir, "db"), version(steps))); !os.IsNotExist(err) {
		t.Errorf("it was copied for an upgrade: %v", err)
	}
}
