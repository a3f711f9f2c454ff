package store

import (
	"io/fs"
	"syscall"
)

// reserve is what a commit and the tables made of it may need at most. Badger
// writes to files that have no blocks yet, through memory maps: when there are
// none to be had the process is killed, so it must not come to that.
const reserve = 64 << 20

// room is how many bytes may still be written to the disk under dir.
func room(dir string) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, err
	}
	return int64(disk.Bavail)*int64(disk.Bsize) - reserve, nil
}

// sizeOnDisk is how many bytes a file takes up. Badger's are mostly holes.
func sizeOnDisk(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}
