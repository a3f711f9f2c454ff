package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// Load makes a database of the changes that a copy holds, in their order: first
// everything, then what changed since. Where there is a database already it
// refuses. Everything is on disk when it returns; what is there after an error is
// of no use. Open tells whether it is a database that can be used.
func Load(o Options, changes iter.Seq2[RawRow, error]) (err error) {
	o = o.defaults()
	db := &DB{log: o.Log}
	defer db.unlock()
	if err := db.prepare(o); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if found, err := os.ReadDir(db.dir); err == nil && len(found) > 0 {
		return fmt.Errorf("make the database: %s is there already", db.dir)
	}
	key := db.root.key("badger")
	db.kv, err = badger.Open(tune(db.dir, key[:], &logger{log: o.Log}).WithSyncWrites(false))
	if err != nil {
		return fmt.Errorf("make the database: %s", oneLine(err.Error()))
	}
	err = db.load(changes)
	if closed := db.kv.Close(); err == nil && closed != nil {
		err = fmt.Errorf("make the database: %s", oneLine(closed.Error()))
	}
	if err == nil {
		err = syncTree(o.Dir)
	}
	return err
}

// loadPart is how many bytes are loaded between looks at what there is room for.
const loadPart = 4 << 20

// load writes the changes, and merges tables as they come.
func (db *DB) load(changes iter.Seq2[RawRow, error]) error {
	c := newCompactor(db.kv, db.hasSpace, db.log)
	defer c.close()
	w, written := db.kv.NewWriteBatch(), 0
	defer func() { w.Cancel() }()
	flush := func() error {
		err := w.Flush()
		if err != nil {
			return fmt.Errorf("make the database: %s", oneLine(err.Error()))
		}
		w, written = db.kv.NewWriteBatch(), 0
		return errors.Join(db.hasSpace(reserve), c.makeRoom())
	}
	for change, err := range changes {
		if err != nil {
			return err
		}
		key := bytes.Clone(change.Key)
		if change.Removed {
			err = w.Delete(key)
		} else {
			err = w.SetEntry(badger.NewEntry(key, bytes.Clone(change.Value)).WithMeta(change.Flags))
		}
		if err != nil {
			return fmt.Errorf("make the database: %s", oneLine(err.Error()))
		}
		if written += len(change.Key) + len(change.Value); written >= loadPart {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// syncTree brings a folder and all that is in it to disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// Restored notes in a database that was loaded that it was, and leaves out so many
// commit ids: those which the database that was copied may have given out since.
// Clients know them, and must not find anything else under them.
func (db *DB) Restored(e Event) error {
	return db.Update(func(tx *Tx) error {
		tx.seq.commit += lostCommits
		return tx.Audit(e)
	})
}

const lostCommits = 1 << 20
