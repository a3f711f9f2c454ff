package store

import (
	"errors"
	"os"
	"syscall"
)

// syncFile brings a file's contents to disk, but not its times.
func syncFile(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
