package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"atserver/store/atkey"
)

func onDisk(t testing.TB, dir string) *DB {
	t.Helper()
	db, err := Open(Options{Dir: dir, Sign: me})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// fingerprint of every file under dir.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// refused checks that opening fails with one line that has all of words in it.
func refused(t *testing.T, o Options, words ...string) {
	t.Helper()
	db, err := Open(o)
	if err == nil {
		db.Close()
		t.Fatalf("opened, want an error with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want %q in it", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
		t.Errorf("not one clear line: %q", err)
	}
}

func TestOpenMakesEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	db := onDisk(t, dir)
	must(t, db.Update(put("x", "1")))
	key := db.Key("seal")
	if key == db.Key("code") || key == [32]byte{} {
		t.Error("subkeys are not apart")
	}
	must(t, db.Close())
	info, err := os.Stat(filepath.Join(dir, "root.secret"))
	if err != nil || info.Mode() != 0o600 || info.Size() != 32 {
		t.Fatalf("root secret: %v, %v", info, err)
	}
	db = onDisk(t, dir)
	defer db.Close()
	if db.Key("seal") != key {
		t.Error("another subkey after reopening")
	}
	must(t, db.View(func(tx *Tx) error { _, err := tx.Get(self("x")); return err }))
}

// The subkeys are RFC 5869's, so that other programs can derive them.
func TestKeyDerivation(t *testing.T) {
	r := new(root)
	for i := range r {
		r[i] = byte(i)
	}
	sub := r.key("badger")
	if got, want := fmt.Sprintf("%x", sub), "c90f35c9437b073e820a3e338a260091d2933c641aaf4b55c2b0b27b6e00a876"; got != want {
		t.Errorf("subkey %s, want %s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "root.secret")
	db := onDisk(t, dir)
	must(t, db.Update(put("x", "1")))
	refused(t, Options{Dir: dir, Sign: me}, dir, "in use by another process")
	must(t, db.Close())
	before := fingerprint(t, dir)
	root, _ := os.ReadFile(secret)

	refused(t, Options{Dir: dir}, "no atSign")
	other := filepath.Join(t.TempDir(), "other.secret")
	must(t, os.WriteFile(other, make([]byte, 32), 0o600))
	refused(t, Options{Dir: dir, Sign: me, RootSecret: other}, other, "does not fit")
	refused(t, Options{Dir: dir, Sign: me, RootSecret: filepath.Join(dir, "none")}, "missing")
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a new secret was made beside old data")
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o666} {
		must(t, os.Chmod(secret, mode))
		refused(t, Options{Dir: dir, Sign: me}, secret, "read by others", fmt.Sprintf("%04o", mode))
	}
	must(t, os.Chmod(secret, 0o400))
	for _, n := range []int{0, 31, 33} {
		must(t, os.WriteFile(other, make([]byte, n), 0o600))
		refused(t, Options{Dir: dir, Sign: me, RootSecret: other}, fmt.Sprintf("has %d bytes", n))
	}
	refused(t, Options{Dir: dir, Sign: me, RootSecret: dir}, "not a file")
	if after := fingerprint(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("files were changed")
	}
	refused(t, Options{Dir: dir, Sign: "@bob"}, "data of @alice, not of @bob")
	if b, _ := os.ReadFile(secret); !bytes.Equal(b, root) {
		t.Error("the secret was changed")
	}
	db = onDisk(t, dir) // mode 0400 is fine
	defer db.Close()
	must(t, db.View(func(tx *Tx) error { _, err := tx.Get(self("x")); return err }))
}

// whole makes a database with a few tables, closed.
func whole(t *testing.T) string {
	dir := t.TempDir()
	for i := range 3 {
		db := onDisk(t, dir)
		must(t, db.Update(fill(fmt.Sprint(i), 300)))
		must(t, db.Close())
	}
	return dir
}

func TestDamagedFiles(t *testing.T) {
	truncate := func(path string) {
		info, err := os.Stat(path)
		must(t, err)
		must(t, os.Truncate(path, info.Size()/2))
	}
	flip := func(from int64) func(string) {
		return func(path string) {
			b, err := os.ReadFile(path)
			must(t, err)
			if from < 0 {
				from += int64(len(b))
			}
			b[from] ^= 0x40
			must(t, os.WriteFile(path, b, 0o600))
		}
	}
	remove := func(path string) { must(t, os.Remove(path)) }
	empty := func(path string) { must(t, os.Truncate(path, 0)) }
	for _, c := range []struct {
		name, file string
		harm       func(string)
	}{
		{"no manifest", "MANIFEST", remove},
		{"empty manifest", "MANIFEST", empty},
		{"magic of the manifest", "MANIFEST", flip(0)},
		{"an entry of the manifest", "MANIFEST", flip(20)},
		{"no key registry", "KEYREGISTRY", remove},
		{"empty key registry", "KEYREGISTRY", empty},
		{"a key", "KEYREGISTRY", flip(-3)},
		{"no table", "*.sst", remove},
		{"empty table", "*.sst", empty},
		{"half a table", "*.sst", truncate},
		{"the checksum's length", "*.sst", flip(-4)},
		{"the checksum", "*.sst", flip(-6)},
		{"the index' length", "*.sst", flip(-20)},
		{"the index", "*.sst", flip(-200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := whole(t)
			files, _ := filepath.Glob(filepath.Join(dir, "db", c.file))
			c.harm(files[0])
			before := fingerprint(t, dir)
			refused(t, Options{Dir: dir, Sign: me}, dir)
			if after := fingerprint(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Error("files were changed")
			}
		})
	}
}

// A block that rots never passes for data.
func TestDamagedBlock(t *testing.T) {
	dir := whole(t)
	files, _ := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		must(t, err)
		for i := 2000; i < len(b)/2; i += 5000 {
			b[i] ^= 1
		}
		must(t, os.WriteFile(name, b, 0o600))
	}
	db := onDisk(t, dir)
	defer db.Close()
	whole, lost := 0, 0
	must(t, db.View(func(tx *Tx) error {
		for table := range 3 {
			for i := range 300 {
				b, err := tx.Row(Settings, fmt.Sprintf("%d%d", table, i))
				switch {
				case err != nil:
					lost++
				case bytes.Equal(b, make([]byte, 1000)):
					whole++
				default:
					t.Error("damage passed for data")
				}
			}
		}
		return nil
	}))
	if whole == 0 || lost == 0 {
		t.Errorf("%d whole, %d lost", whole, lost)
	}
}

// Without its counters a database would give out ids a second time.
func TestLostCounters(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	must(t, db.Update(put("x", "1")))
	must(t, db.kv.Update(func(txn *badger.Txn) error { return txn.Delete(countersKey) }))
	must(t, db.Close())
	refused(t, Options{Dir: dir, Sign: me}, "damaged")
}

// A first start that was cut short, before anything was stored, is gone on with.
func TestFirstStartCutShort(t *testing.T) {
	for _, left := range [][]string{{"MANIFEST"}, {"MANIFEST", "KEYREGISTRY"}, {}} {
		dir := filepath.Join(t.TempDir(), "[a]*?")
		must(t, onDisk(t, dir).Close())
		data := filepath.Join(dir, "db")
		files, err := os.ReadDir(data)
		must(t, err)
		for _, f := range files {
			if !slices.Contains(left, f.Name()) {
				must(t, os.Remove(filepath.Join(data, f.Name())))
			}
		}
		if slices.Contains(left, "MANIFEST") { // as Badger begins one: without tables
			b, err := os.ReadFile(filepath.Join(data, "MANIFEST"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(data, "MANIFEST"), b[:16], 0o600))
		}
		db := onDisk(t, dir)
		must(t, db.Update(put("x", "1")))
		must(t, db.Close())
	}
}

func TestForeignDatabase(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	must(t, db.Update(func(tx *Tx) error { return tx.remove(schemaKey) }))
	must(t, db.Close())
	refused(t, Options{Dir: dir, Sign: me}, "another kind")
}

// Nothing of what is stored can be read in the files, while the database is open
// and after.
func TestNothingReadableOnDisk(t *testing.T) {
	const marker = "Zq7marker"
	dir := t.TempDir()
	db := onDisk(t, dir)
	lower := strings.ToLower(marker)
	must(t, db.Update(func(tx *Tx) error {
		expires := tx.Now().Add(time.Hour)
		for i, k := range []atkey.Key{
			self(lower + ".x"), {Scope: atkey.Shared, SharedWith: atkey.Sign("@" + lower), Name: "x." + lower, Owner: me},
			{Scope: atkey.Shared, Cached: true, SharedWith: me, Name: lower, Owner: atkey.Sign("@" + lower)},
		} {
			r := Record{Key: k, Value: []byte(strings.Repeat(marker, 1+i*chunkSize)), Meta: Meta{SharedKeyEnc: marker, ExpiresAt: expires}}
			if _, err := tx.Put(r, OpUpdateAll, marker); err != nil {
				return err
			}
		}
		must(t, tx.PutRow(Enrollments, marker, []byte(marker)))
		return tx.Audit(Event{Actor: marker, Action: marker, Target: marker, Detail: map[string]string{marker: marker}})
	}))
	look := func() {
		t.Helper()
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range []string{marker, lower, "alice"} {
				if bytes.Contains(b, []byte(m)) || strings.Contains(path, m) {
					t.Errorf("%q can be read in %s", m, path)
				}
			}
			return err
		})
		must(t, err)
	}
	look()
	must(t, db.Close())
	look()
	db = onDisk(t, dir)
	must(t, db.Update(func(tx *Tx) error { _, _, err := tx.Delete(self(lower+".x"), OpDelete, marker); return err }))
	must(t, db.Close())
	look()
}

// Ids go on after reopening, also when the newest entries are gone.
func TestIdsAreNeverReused(t *testing.T) {
	dir := t.TempDir()
	last := int64(-1)
	for round := range 4 {
		db := onDisk(t, dir)
		for i := range 3 {
			must(t, db.Update(func(tx *Tx) error {
				id, err := tx.Put(Record{Key: self(fmt.Sprint("k", i))}, OpUpdateAll, "")
				if id <= last {
					t.Errorf("round %d: id %d after %d", round, id, last)
				}
				last = id
				return err
			}))
		}
		must(t, db.Update(func(tx *Tx) error { // the newest is purged
			_, _, err := tx.Delete(self("k2"), Silent, "")
			return err
		}))
		must(t, db.View(func(tx *Tx) error {
			if got := lastCommit(tx); got != last-1 {
				t.Errorf("LastCommit %d, want %d", got, last-1)
			}
			return nil
		}))
		must(t, db.Close())
	}
	if last != 11 {
		t.Errorf("last id %d, want 11: a round wasted some", last)
	}
}

// Chunks that a crash left without their record are thrown away.
func TestStagedChunksAreCleared(t *testing.T) {
	dir := t.TempDir()
	db := onDisk(t, dir)
	must(t, db.Update(put("x", strings.Repeat("x", 3*chunkSize))))
	suffix, err := db.layout.suffix(self("y"))
	must(t, err)
	must(t, db.writer.stage(chunks{chunkPrefix(suffix, 77), make([]byte, 30*chunkSize)}))
	must(t, db.Close())
	db = onDisk(t, dir)
	defer db.Close()
	must(t, db.View(func(tx *Tx) error { return noOrphans(tx, 1) }))
	must(t, db.View(func(tx *Tx) error { _, err := tx.Get(self("x")); return err }))
}
