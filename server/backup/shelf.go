package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Shelf is a folder of copies, numbered in their order. One that holds everything
// and the increments after it are a chain.
type Shelf string

const (
	fullName      = "%09d-full.atbackup"
	incrementName = "%09d-increment.atbackup"

	// A chain is ended by the next copy of everything once it has so many
	// increments, or they are as large as what they continue, and at least so large.
	maxIncrements = 1000
	minChain      = 16 << 20
)

// Chains returns the paths of the copies, oldest first.
func (s Shelf) Chains() (chains [][]string, err error) {
	found, err := os.ReadDir(string(s)) // by name
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		n, full := numberOf(f.Name())
		if n == 0 {
			continue
		}
		if full || len(chains) == 0 {
			chains = append(chains, nil)
		}
		last := len(chains) - 1
		chains[last] = append(chains[last], filepath.Join(string(s), f.Name()))
	}
	return chains, nil
}

// numberOf reads the name of a copy, 0 if it is none.
func numberOf(name string) (n int, full bool) {
	for _, pattern := range []string{fullName, incrementName} {
		if _, err := fmt.Sscanf(name, pattern, &n); err == nil && n > 0 && fmt.Sprintf(pattern, n) == name {
			return n, pattern == fullName
		}
	}
	return 0, false
}

// Base returns the copy that the next increment continues. There is none, and no
// error, when a copy of everything is due. known, if it is that copy, is not read
// again.
func (s Shelf) Base(ctx context.Context, known *Checked) (*Checked, error) {
	chains, err := s.Chains()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || len(chains) == 0 {
		return nil, err
	}
	chain := chains[len(chains)-1]
	sizes := make([]int64, len(chain))
	for i, path := range chain {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		sizes[i] = info.Size()
	}
	increments := int64(0)
	for _, size := range sizes[1:] {
		increments += size
	}
	if len(chain) > maxIncrements || increments >= max(minChain, sizes[0]) {
		return nil, nil
	}
	newest := chain[len(chain)-1]
	if known != nil && known.Path == newest {
		return known, nil
	}
	base, err := Check(ctx, newest, nil)
	return &base, err
}

// Add puts a copy on the shelf, once it is whole and on disk.
func (s Shelf) Add(ctx context.Context, full bool, write func(io.Writer) error) (Checked, error) {
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return Checked{}, err
	}
	chains, err := s.Chains()
	if err != nil {
		return Checked{}, err
	}
	next, before := 1, ""
	if len(chains) > 0 {
		last := chains[len(chains)-1]
		before = last[len(last)-1]
		n, _ := numberOf(filepath.Base(before))
		next = n + 1
	}
	name := incrementName
	if full {
		name = fullName
	}
	return WriteFile(ctx, filepath.Join(string(s), fmt.Sprintf(name, next)), write, func(made Checked) error {
		if before == "" {
			return nil
		}
		r, err := openCopy(ctx, before, nil)
		if err != nil {
			return nil // damaged, so there is nothing to compare with
		}
		defer r.close()
		if r.Sign != made.Sign {
			return fmt.Errorf("%s holds copies of %s, not of %s", s, r.Sign, made.Sign)
		}
		return nil
	})
}

// Prune removes all but so many chains, the oldest first and from their end.
func (s Shelf) Prune(keep int) (removed int, err error) {
	chains, err := s.Chains()
	if err != nil {
		return 0, err
	}
	for _, chain := range chains[:max(0, len(chains)-keep)] {
		for _, path := range slices.Backward(chain) {
			if err := os.Remove(path); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// WriteFile writes a copy into a file that only its owner may read and that was not
// there, once the copy is whole, on disk, and found good.
func WriteFile(ctx context.Context, path string, write func(io.Writer) error, good func(Checked) error) (Checked, error) {
	if _, err := os.Lstat(path); err == nil {
		return Checked{}, fmt.Errorf("%s is there already", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return Checked{}, err
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return Checked{}, err
	}
	made, err := Check(ctx, f.Name(), nil)
	if err == nil {
		err = good(made)
	}
	if err == nil {
		err = place(f.Name(), path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	made.Path = path
	return made, err
}

// place gives a file its name, which no other has; where there are no links, nobody
// else may be at it at the same time.
func place(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(from, to)
}
