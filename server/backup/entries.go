package backup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"atserver/store"
)

const (
	entryFile    = 'f'
	entryRow     = 'r'
	entryRemoved = 'x'
	entryEnd     = 'e'

	maxField = 1 << 20 // bytes; no row and no file of ours is as large
)

// File is a small file of a data folder, by its path with slashes.
type File struct {
	Name    string
	Mode    os.FileMode // permissions
	Content []byte
}

type entryWriter struct {
	out     io.Writer
	scratch []byte
}

func (w *entryWriter) write(kind byte, fields ...[]byte) error {
	b := append(w.scratch[:0], kind)
	for _, f := range fields {
		if len(f) > maxField {
			return fmt.Errorf("an entry of %d bytes is too large for a copy", len(f))
		}
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	w.scratch = b
	_, err := w.out.Write(b)
	return err
}

func (w *entryWriter) file(f File) error {
	return w.write(entryFile, []byte(f.Name), fmt.Appendf(nil, "%04o", f.Mode), f.Content)
}

func (w *entryWriter) change(c store.RawRow) error {
	if c.Removed {
		return w.write(entryRemoved, c.Key)
	}
	return w.write(entryRow, []byte{c.Flags}, c.Key, c.Value)
}

type entryReader struct{ in *bufio.Reader }

var errEntry = errors.New("is damaged: what is in it cannot be understood")

// next returns a file or a change, or io.EOF after the last one.
func (r entryReader) next() (f *File, c store.RawRow, err error) {
	kind, err := r.in.ReadByte()
	if err != nil {
		return nil, c, unexpected(err)
	}
	switch kind {
	case entryFile:
		fields, err := r.fields(3)
		if err != nil {
			return nil, c, err
		}
		mode, err := strconv.ParseUint(string(fields[1]), 8, 9)
		if err != nil {
			return nil, c, errEntry
		}
		return &File{string(fields[0]), os.FileMode(mode), fields[2]}, c, nil
	case entryRow:
		fields, err := r.fields(3)
		if err == nil && (len(fields[0]) != 1 || len(fields[1]) == 0) {
			err = errEntry
		}
		if err != nil {
			return nil, c, err
		}
		return nil, store.RawRow{Flags: fields[0][0], Key: fields[1], Value: fields[2]}, nil
	case entryRemoved:
		fields, err := r.fields(1)
		if err == nil && len(fields[0]) == 0 {
			err = errEntry
		}
		if err != nil {
			return nil, c, err
		}
		return nil, store.RawRow{Key: fields[0], Removed: true}, nil
	case entryEnd:
		if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
			return nil, c, errors.Join(errEntry, err)
		}
		return nil, c, io.EOF
	}
	return nil, c, errEntry
}

func (r entryReader) fields(n int) ([][]byte, error) {
	fields := make([][]byte, n)
	for i := range fields {
		size, err := binary.ReadUvarint(r.in)
		if err != nil {
			return nil, unexpected(err)
		}
		if size > maxField {
			return nil, errEntry
		}
		fields[i] = make([]byte, size)
		if _, err := io.ReadFull(r.in, fields[i]); err != nil {
			return nil, unexpected(err)
		}
	}
	return fields, nil
}

// unexpected is the error for an end before the end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEntry
	}
	return err
}
