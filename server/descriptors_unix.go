//go:build unix

package server

import (
	"os"
	"syscall"
)

// countDescriptors asks the system. The number of a new descriptor, which is the
// lowest that is free, tells how many are in use.
func countDescriptors() descriptors {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return unlimited
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		return divide(int(min(limit.Cur, 1<<30)), 0)
	}
	defer f.Close()
	return divide(int(min(limit.Cur, 1<<30)), int(f.Fd()))
}
