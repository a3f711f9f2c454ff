package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ownSync tells whether we sync Badger's write-ahead log ourselves. Badger would
// sync its value log besides, which is empty here, and that costs as much again.
//
// On Linux a sync of a file covers what was written to it through a memory map,
// which is how Badger writes. Elsewhere Badger does it.
const ownSync = runtime.GOOS == "linux"

// wal follows the files of Badger's write-ahead log, which are numbered without
// gaps. A commit begins one new file at most, and nothing else does, so a sync
// after each commit misses none. nil syncs nothing. Owned by the writer.
type wal struct {
	dir string
	n   int
	f   *os.File
}

// openWAL finds the file that the database, open already, writes to.
func openWAL(dir string) (*wal, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	w := &wal{dir: dir}
	for _, f := range files {
		var n int
		if _, err := fmt.Sscanf(f.Name(), "%d.mem", &n); err == nil {
			w.n = max(w.n, n)
		}
	}
	if w.f, err = os.Open(w.path(w.n)); err != nil {
		return nil, err
	}
	return w, syncDir(dir)
}

func (w *wal) path(n int) string { return filepath.Join(w.dir, fmt.Sprintf("%05d.mem", n)) }

// sync brings the commit just made to disk: the file that was written to before,
// or the one that the commit has begun, with its name.
func (w *wal) sync() error {
	if w == nil {
		return nil
	}
	if _, err := os.Stat(w.path(w.n + 1)); errors.Is(err, fs.ErrNotExist) { // which takes no descriptor, there may be none
		return syncFile(w.f)
	}
	next, err := os.Open(w.path(w.n + 1))
	if err != nil {
		return err
	}
	w.f.Close()
	w.f = next
	w.n++
	if err := syncFile(w.f); err != nil {
		return err
	}
	return syncDir(w.dir)
}

func (w *wal) close() {
	if w != nil {
		w.f.Close()
	}
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
