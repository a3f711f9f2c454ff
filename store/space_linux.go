package store

import "syscall"

// reserve is what a commit and the tables made of it may need at most. Badger
// writes to files that have no blocks yet, through memory maps: when there are
// none to be had the process is killed, so it must not come to that.
const reserve = 64 << 20

// checkSpace returns ErrNoSpace when the disk under dir is nearly full.
func checkSpace(dir string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return err
	}
	if uint64(fs.Bavail)*uint64(fs.Bsize) < reserve {
		return ErrNoSpace
	}
	return nil
}
