//go:build !unix

package store

import "os"

// lockDir leaves the locking to Badger.
func lockDir(dir string) (*os.File, error) { return os.Open(dir) }
