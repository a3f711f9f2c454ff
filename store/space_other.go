//go:build !linux

package store

import "io/fs"

func checkSpace(string, int64) error { return nil }

// sizeOnDisk is the size of a file, holes included.
func sizeOnDisk(info fs.FileInfo) int64 { return info.Size() }
