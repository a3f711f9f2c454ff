package store

import (
	"errors"
	"io/fs"
	"os"
)

// Size is how many bytes the database takes on disk, 0 in memory.
func (db *DB) Size() (total int64, err error) {
	if db.dir == "" {
		return 0, nil
	}
	files, err := os.ReadDir(db.dir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) { // merged away meanwhile
			continue
		}
		if err != nil {
			return 0, err
		}
		total += sizeOnDisk(info)
	}
	return total, nil
}
