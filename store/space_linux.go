package store

import (
	"io/fs"
	"syscall"
)

// checkSpace returns ErrNoSpace when fewer bytes are left on the disk under dir.
func checkSpace(dir string, bytes int64) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return err
	}
	if uint64(disk.Bavail)*uint64(disk.Bsize) < uint64(bytes) {
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
