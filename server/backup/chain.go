package backup

import (
	"context"
	"errors"
	"fmt"

	"filippo.io/age"

	"atserver/store"
)

// chain reads copies that follow each other.
type chain struct {
	ctx        context.Context
	identities []age.Identity
	seen       func(int)
	last       Checked // zero until there is one
}

// Checked is a copy that was read to its end and is whole.
type Checked struct {
	Header
	Path     string `json:"path"`
	Checksum string `json:"checksum"`
	Changes  int64  `json:"changes"` // rows, -1 when they were not looked at
}

// next opens the copy that follows.
func (c *chain) next(path string) (*reader, error) {
	r, err := openCopy(c.ctx, path, c.seen)
	if err != nil {
		return nil, err
	}
	switch {
	case c.last.Checksum == "" && r.Parent != "":
		err = fmt.Errorf("%s is an increment: what it continues has to come first", path)
	case c.last.Checksum == "":
	case r.Parent == "":
		err = fmt.Errorf("%s holds everything, so it does not follow %s", path, c.last.Path)
	case r.Sign != c.last.Sign:
		err = fmt.Errorf("%s is of %s, not of %s", path, r.Sign, c.last.Sign)
	case r.Parent != c.last.Checksum:
		err = fmt.Errorf("%s does not follow %s: it continues another copy", path, c.last.Path)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// ended takes note of a copy that was read to its end.
func (c *chain) ended(r *reader, changes int64) {
	c.last = Checked{Header: r.Header, Path: r.path, Checksum: r.parts.checksum(), Changes: changes}
}

// Check reads one copy by itself and looks at its checksums.
func Check(ctx context.Context, path string, seen func(int)) (Checked, error) {
	r, err := openCopy(ctx, path, seen)
	if err != nil {
		return Checked{}, err
	}
	defer r.close()
	err = r.finish()
	return Checked{Header: r.Header, Path: path, Checksum: r.parts.checksum(), Changes: -1}, err
}

// Verify reads copies that follow each other: all parts, and what is in them unless
// it is encrypted and there are no identities. seen, if not nil, is told of bytes
// as they are read.
func Verify(ctx context.Context, paths []string, identities []age.Identity, seen func(int)) (all []Checked, err error) {
	if len(paths) == 0 {
		return nil, errors.New("no copy was given")
	}
	c := &chain{ctx: ctx, identities: identities, seen: seen}
	for _, path := range paths {
		if err := c.verify(path); err != nil {
			return all, err
		}
		all = append(all, c.last)
	}
	return all, nil
}

func (c *chain) verify(path string) error {
	r, err := c.next(path)
	if err != nil {
		return err
	}
	defer r.close()
	changes := int64(-1)
	if r.Encrypted && len(c.identities) == 0 {
		err = r.finish()
	} else if err = r.open(c.identities); err == nil {
		changes = 0
		_, err = r.changes(func(store.RawRow) bool { changes++; return true })
	}
	if err == nil {
		c.ended(r, changes)
	}
	return err
}
