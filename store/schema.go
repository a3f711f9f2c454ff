package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// step brings the data from one version of the schema to the next. The new
// version is written after it, so a step must bear being run twice.
type step func(*DB) error

var (
	schemaKey = row(rowMeta, []byte("schema"))
	signKey   = row(rowMeta, []byte("sign"))
)

// version of the schema that a list of steps leads to.
func version(steps []step) uint64 { return uint64(len(steps)) + 1 }

// identify makes sure that the data is this atSign's and of a version that can
// be used, and returns the version. It signs a database that is new.
func (db *DB) identify(steps []step) (found uint64, err error) {
	known := version(steps)
	isNew := false
	err = db.View(func(tx *Tx) error {
		b, _, err := tx.get(schemaKey)
		if errors.Is(err, ErrNotFound) {
			if _, err := tx.first(nil, nil); !errors.Is(err, ErrNotFound) {
				return fmt.Errorf("%s holds a database of another kind", db.dir)
			}
			isNew = true
			return nil
		}
		if err != nil || len(b) != 8 {
			return errors.Join(errRecord, err)
		}
		sign, _, err := tx.get(signKey)
		if err != nil {
			return err
		}
		if string(sign) != string(db.layout.me) {
			return fmt.Errorf("%s holds the data of %s, not of %s", db.dir, sign, db.layout.me)
		}
		if found = binary.BigEndian.Uint64(b); found > known {
			return fmt.Errorf("%s has schema version %d, this program knows %d at most", db.dir, found, known)
		}
		return nil
	})
	if err != nil || !isNew {
		return found, err
	}
	return known, db.Update(func(tx *Tx) error {
		if err := tx.set(schemaKey, be64(known), 0); err != nil {
			return err
		}
		return tx.set(signKey, []byte(db.layout.me), 0)
	})
}

// upgrade runs the steps from a version up.
func (db *DB) upgrade(from uint64, steps []step) error {
	for v := from; v < version(steps); v++ {
		if err := steps[v-1](db); err != nil {
			return fmt.Errorf("upgrade %s to schema version %d: %w", db.dir, v+1, err)
		}
		if err := db.Update(func(tx *Tx) error { return tx.set(schemaKey, be64(v+1), 0) }); err != nil {
			return err
		}
		db.log.Info().Uint64("schema", v+1).Msg("database upgraded")
	}
	return nil
}

// copyOf is where the data goes before it is upgraded from a version. The copy
// stays until the operator removes it.
func copyOf(data string, from uint64) string { return fmt.Sprintf("%s.schema-%d", data, from) }

// copyData copies the closed database. A copy that is there already was made by
// an upgrade that did not come to its end, and is the better one.
func copyData(data string, from uint64) error {
	target := copyOf(data, from)
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	unfinished := target + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(filepath.Join(unfinished, f.Name()), filepath.Join(data, f.Name())); err != nil {
			return err
		}
	}
	if err := syncDir(unfinished); err != nil {
		return err
	}
	if err := os.Rename(unfinished, target); err != nil {
		return err
	}
	return syncDir(filepath.Dir(target))
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
