package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"atserver/store"
)

// reader reads one copy. Its errors name the file.
type reader struct {
	Header
	path    string
	file    *os.File
	parts   *partReader
	entries *entryReader // nil while it is closed to us
	files   []File
	ahead   *store.RawRow // read with the files
	ended   bool
}

// openCopy reads the first line of a copy. seen, if not nil, is told of bytes as they
// are read; ctx ends that.
func openCopy(ctx context.Context, path string, seen func(int)) (*reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &reader{path: path, file: f}
	in := bufio.NewReaderSize(counted{f, ctx, seen}, maxPart)
	header, line, err := readHeader(in)
	if err != nil {
		f.Close()
		return nil, r.fail(err)
	}
	r.Header, r.parts = header, newPartReader(in, line)
	return r, nil
}

// ReadHeader reads what a copy says it is.
func ReadHeader(path string) (Header, error) {
	r, err := openCopy(context.Background(), path, nil)
	if err != nil {
		return Header{}, err
	}
	defer r.close()
	return r.Header, nil
}

type counted struct {
	io.Reader
	ctx  context.Context
	seen func(int)
}

func (c counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.Reader.Read(p)
	if c.seen != nil {
		c.seen(n)
	}
	return n, err
}

func (r *reader) close() { r.file.Close() }

func (r *reader) fail(err error) error {
	if err == nil {
		return nil
	}
	// What is behind age, or a reader, is known to be whole: the parts know better.
	if r.parts != nil && r.parts.end != nil && !errors.Is(r.parts.end, io.EOF) {
		err = r.parts.end
	}
	return fmt.Errorf("%s %w", r.path, err)
}

// open reads the files. identities open what is encrypted.
func (r *reader) open(identities []age.Identity) error {
	var stream io.Reader = r.parts
	if r.Encrypted {
		if len(identities) == 0 {
			return fmt.Errorf("%s is encrypted: give the file of the identity", r.path)
		}
		var err error
		if stream, err = age.Decrypt(r.parts, identities...); err != nil {
			var none *age.NoIdentityMatchError
			if errors.As(err, &none) {
				err = errors.New("is encrypted for others: none of the identities opens it")
			}
			return r.fail(err)
		}
	}
	r.entries = &entryReader{bufio.NewReaderSize(stream, maxPart)}
	for {
		f, c, err := r.entries.next()
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
			return nil
		case err != nil:
			return r.fail(err)
		case f == nil:
			r.ahead = &c
			return nil
		}
		r.files = append(r.files, *f)
	}
}

// changes calls f for each change until it returns false, then wants the end.
func (r *reader) changes(f func(store.RawRow) bool) (more bool, err error) {
	if r.ahead != nil && !f(*r.ahead) {
		return false, nil
	}
	for !r.ended {
		file, c, err := r.entries.next()
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
		case err == nil && file != nil:
			return false, r.fail(errEntry)
		case err != nil:
			return false, r.fail(err)
		case !f(c):
			return false, nil
		}
	}
	return true, r.finish()
}

// finish reads what is left and wants all of it to be whole.
func (r *reader) finish() error {
	_, err := io.Copy(io.Discard, r.parts)
	return r.fail(err)
}
