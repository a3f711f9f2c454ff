package store

import (
	"io/fs"
	"syscall"
)

// reserve is what a commit and the tables made of it may need at most. Badger
// writes to files that have no blocks yet, through memory maps: when there are
// none to be had the process is killed, so it must not come to that.
const reserve = 64 << 20

// checkSpace returns ErrNoSpace when the disk under dir is nearly full.
func checkSpace(dir string) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return err
	}
	if uint64(disk.Bavail)*uint64(disk.Bsize) < reserve {
		return ErrNoSpace
	}
	return nil
}

// sizeOnDisk is how many bytes a file takes up. Badger's are mostly holes.
func sizeOnDisk(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}
