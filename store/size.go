package store

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// Size is how many bytes the database takes on disk, 0 in memory.
func (db *DB) Size() (total int64, err error) {
	err = db.files(func(_ string, bytes int64) { total += bytes })
	return total, err
}

// files tells of each file of the database what it is called and takes on disk.
func (db *DB) files(each func(name string, bytes int64)) error {
	if db.dir == "" {
		return nil
	}
	files, err := os.ReadDir(db.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) { // merged away meanwhile
			continue
		}
		if err != nil {
			return err
		}
		each(f.Name(), sizeOnDisk(info))
	}
	return nil
}

// Figures are how much the database holds, and did since it was opened.
type Figures struct {
	Tables, Log, ValueLog, Other int64 // bytes on disk; 0 in memory
	Free                         int64 // bytes that may still be written; the largest number where it is not known
	Syncs, Merges                int64
	Commits, Audits              int64 // numbers that come next, in the commit log and in the audit chain
	Queued                       int64 // notifications that wait to be sent
}

// Figures takes them now. It reads the queue and the names of files, no record.
func (db *DB) Figures() (f Figures, err error) {
	err = db.files(func(name string, bytes int64) {
		switch filepath.Ext(name) {
		case ".sst":
			f.Tables += bytes
		case ".mem":
			f.Log += bytes
		case ".vlog":
			f.ValueLog += bytes
		default:
			f.Other += bytes
		}
	})
	f.Free = math.MaxInt64
	if err == nil && db.dir != "" {
		f.Free, err = room(db.dir)
		f.Free -= reserve
	}
	if err != nil {
		return f, err
	}
	f.Syncs = db.writer.syncs.Load()
	db.compactor.mu.Lock()
	f.Merges = db.compactor.merges
	db.compactor.mu.Unlock()
	err = db.View(func(tx *Tx) error {
		next, err := tx.counters()
		if err != nil {
			return err
		}
		f.Commits, f.Audits = next.commit, next.audit
		f.Queued, err = tx.countQueued()
		return err
	})
	return f, err
}
