package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Power that fails in the middle of a write leaves a part of it, and behind that
// nothing or anything. What was acknowledged before is there, of the torn update
// there is all or nothing, and the database is good to go on with.
func TestTornWrite(t *testing.T) {
	for name, last := range map[string]string{"a row": "small", "chunks": strings.Repeat("large", 2*chunkSize)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			db := onDisk(t, dir)
			for i := range 10 {
				must(t, db.Update(putAudited(fmt.Sprint("k", i), "before")))
			}
			before := newestLog(t, dir)
			must(t, db.Update(putAudited("torn", last)))
			after := newestLog(t, dir)
			files := leave(t, dir)
			must(t, db.Close())
			begin := mismatch(before.written, after.written)
			for tail, harm := range tails {
				t.Run(tail, func(t *testing.T) {
					t.Parallel()
					for _, cut := range cuts(begin, len(after.written)) {
						torn := after
						torn.written = harm(slices.Clone(after.written), cut)
						checkTorn(t, files.with(t, torn), fmt.Sprintf("cut at %d of %d to %d", cut, begin, len(after.written)), last)
					}
				})
			}
		})
	}
}

// tails are what may be found behind the part of a write that reached the disk.
var tails = map[string]func(b []byte, cut int) []byte{
	"nothing": func(b []byte, cut int) []byte { return b[:cut] },
	"a hole of a page": func(b []byte, cut int) []byte {
		clear(b[cut:min(cut+4096, len(b))])
		return b
	},
	"other bytes": func(b []byte, cut int) []byte {
		noise := rand.NewChaCha8([32]byte{byte(cut)})
		noise.Read(b[cut:min(cut+64, len(b))])
		return b
	},
	"one wrong bit": func(b []byte, cut int) []byte {
		b[min(cut, len(b)-1)] ^= 1
		return b
	},
}

// cuts are where a write is torn: at its ends and between them.
func cuts(begin, end int) []int {
	return []int{begin, begin + 1, (begin + end) / 2, end - 2, end - 1}
}

func putAudited(name, value string) func(*Tx) error {
	return func(tx *Tx) error {
		if err := put(name, value)(tx); err != nil {
			return err
		}
		return tx.Audit(Event{Actor: name, Action: "put", Outcome: "allow"})
	}
}

// walFile is a file of Badger's write-ahead log, without the hole that it ends with.
type walFile struct {
	name    string
	written []byte
	size    int
}

func newestLog(t *testing.T, dir string) walFile {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "db", "*.mem"))
	must(t, err)
	name := slices.Max(files)
	b, err := os.ReadFile(name)
	must(t, err)
	return walFile{filepath.Base(name), bytes.TrimRight(b, "\x00"), len(b)}
}

func mismatch(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// left is a data folder as a crash leaves it: all its files but the log.
type left map[string][]byte

// leave reads the folder of a database that is open.
func leave(t *testing.T, dir string) left {
	t.Helper()
	files := left{}
	for _, pattern := range []string{"root.secret", "db/MANIFEST", "db/KEYREGISTRY", "db/*.sst", "db/*.vlog"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		must(t, err)
		for _, name := range names {
			b, err := os.ReadFile(name)
			must(t, err)
			relative, err := filepath.Rel(dir, name)
			must(t, err)
			files[relative] = b
		}
	}
	return files
}

// with makes the folder again, with this log.
func (l left) with(t *testing.T, torn walFile) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	for name, b := range l {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	name := filepath.Join(dir, "db", torn.name)
	must(t, os.WriteFile(name, torn.written, 0o600))
	must(t, os.Truncate(name, int64(torn.size)))
	return dir
}

func checkTorn(t *testing.T, dir, how, last string) {
	t.Helper()
	defer os.RemoveAll(dir)
	db := onDisk(t, dir)
	defer db.Close()
	records := 10
	must(t, db.View(func(tx *Tx) error {
		for i := range 10 {
			if r, err := tx.Get(self(fmt.Sprint("k", i))); err != nil || string(r.Value) != "before" {
				t.Errorf("%s: k%d is %.20q, %v", how, i, r.Value, err)
			}
		}
		r, err := tx.Get(self("torn"))
		if err == nil && string(r.Value) == last {
			records++
		} else if err != ErrNotFound {
			t.Errorf("%s: of the torn one there is %.20q, %v", how, r.Value, err)
		}
		return noOrphans(tx, records)
	}))
	if n, err := db.VerifyAudit(); err != nil || n != int64(records) {
		t.Errorf("%s: %d audit entries of %d records, %v", how, n, records, err)
	}
	must(t, db.Update(putAudited("next", "after")))
	if n, err := db.VerifyAudit(); err != nil || n != int64(records)+1 {
		t.Errorf("%s: %d audit entries after one more, %v", how, n, err)
	}
	if t.Failed() {
		t.FailNow()
	}
}
