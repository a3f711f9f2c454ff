package atauth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadKeys reads a .atKeys file. It asks for the passphrase only if the file has
// one, and returns ErrPassphrase if that is wrong; passphrase may be nil.
func ReadKeys(path string, passphrase func() ([]byte, error)) (Keys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, err
	}
	k, err := decodeKeys(text, passphrase)
	if err != nil {
		return Keys{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// WriteKeys writes a new key file that only its owner may read. It returns an
// error that is fs.ErrExist if there is one. A passphrase of length 0 leaves the
// file open.
func WriteKeys(path string, k Keys, passphrase []byte) error {
	if err := isFree(path); err != nil {
		return err
	}
	return ReplaceKeys(path, k, passphrase)
}

func isFree(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}
	}
	return nil
}

// ReplaceKeys writes a key file, in place of one that may be there. What the old
// file held is lost, unless k was read from it: then members that we do not know
// are kept. After a failure the old file is whole.
func ReplaceKeys(path string, k Keys, passphrase []byte) error {
	text, err := encodeKeys(k, passphrase)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writePrivate(path, text)
}

// writePrivate writes a file that only its owner may read, whole or not at all.
func writePrivate(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".atKeys-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
