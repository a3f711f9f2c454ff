package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// root is the secret that every key of the server derives from.
type root [32]byte

// key derives the subkey for one use (RFC 5869, no salt, the label as info).
func (r *root) key(label string) (sub [32]byte) {
	b, err := hkdf.Key(sha256.New, r[:], nil, label, len(sub))
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	copy(sub[:], b)
	return sub
}

// Key returns the subkey of the root secret for the use that label names.
func (db *DB) Key(label string) [32]byte { return db.root.key(label) }

func newRoot() (*root, error) {
	r := new(root)
	_, err := rand.Read(r[:])
	return r, err
}

// readRoot reads the root secret from its file. It refuses a file that others on
// the machine could have read.
func readRoot(path string) (*root, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("root secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("root secret: %w", err)
	}
	r := new(root)
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("root secret %s is not a file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("root secret %s can be read by others (mode %04o): set its mode to 0600", path, info.Mode().Perm())
	case info.Size() != int64(len(r)):
		return nil, fmt.Errorf("root secret %s has %d bytes, not %d", path, info.Size(), len(r))
	}
	if _, err := io.ReadFull(f, r[:]); err != nil {
		return nil, fmt.Errorf("root secret %s: %w", path, err)
	}
	return r, nil
}

// makeRoot makes a secret and its file, on disk when it returns.
func makeRoot(path string) (*root, error) {
	r, err := newRoot()
	if err != nil {
		return nil, fmt.Errorf("root secret: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("root secret: %w", err)
	}
	_, err = f.Write(r[:])
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(path) // nothing was encrypted with it
		return nil, fmt.Errorf("root secret: %w", err)
	}
	return r, nil
}

// root reads the secret, or makes one where there is no data that needs another.
func (o Options) root(data string) (*root, error) {
	_, err := os.Stat(o.RootSecret)
	if !errors.Is(err, fs.ErrNotExist) {
		return readRoot(o.RootSecret)
	}
	found, err := os.ReadDir(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(found) > 0 {
		return nil, fmt.Errorf("root secret %s is missing, and %s cannot be read without it", o.RootSecret, data)
	}
	return makeRoot(o.RootSecret)
}
