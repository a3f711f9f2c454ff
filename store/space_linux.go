package store

import (
	"io/fs"
	"syscall"
)

// room is how many bytes may still be written to the disk under dir.
func room(dir string) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, err
	}
	return int64(disk.Bavail) * int64(disk.Bsize), nil
}

// sizeOnDisk is how many bytes a file takes up. Badger's are mostly holes.
func sizeOnDisk(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}
