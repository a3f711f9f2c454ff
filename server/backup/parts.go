package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// maxPart is how many bytes a part has at most.
const maxPart = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// partWriter cuts what is written into parts.
type partWriter struct {
	out  io.Writer // the copy
	sum  hash.Hash // of all that went there
	held []byte    // the part that is being filled, behind room for its head
}

const partHead = 8

// newPartWriter begins a copy with its first line.
func newPartWriter(out io.Writer, header []byte) (*partWriter, error) {
	w := &partWriter{out: out, sum: sha256.New(), held: make([]byte, partHead, partHead+maxPart)}
	return w, w.put(header)
}

func (w *partWriter) put(b []byte) error {
	w.sum.Write(b)
	_, err := w.out.Write(b)
	return err
}

func (w *partWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		m := min(len(p), cap(w.held)-len(w.held))
		w.held = append(w.held, p[:m]...)
		if n, p = n+m, p[m:]; len(w.held) == cap(w.held) {
			if err := w.part(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (w *partWriter) part() error {
	data := w.held[partHead:]
	binary.BigEndian.PutUint32(w.held, uint32(len(data)))
	binary.BigEndian.PutUint32(w.held[4:], crc32.Checksum(data, castagnoli))
	err := w.put(w.held)
	w.held = w.held[:partHead]
	return err
}

// Close ends the copy.
func (w *partWriter) Close() error {
	if len(w.held) > partHead {
		if err := w.part(); err != nil {
			return err
		}
	}
	if err := w.part(); err != nil { // the empty one
		return err
	}
	_, err := w.out.Write(w.sum.Sum(nil))
	return err
}

// partReader gives back what went into a partWriter, each part once it is known to
// be whole. io.EOF means that the copy is.
type partReader struct {
	in    *bufio.Reader
	sum   hash.Hash
	buf   []byte // a part with its head
	rest  []byte // of it, unread
	parts int
	end   error // after the last part
}

func newPartReader(in *bufio.Reader, header []byte) *partReader {
	r := &partReader{in: in, sum: sha256.New(), buf: make([]byte, partHead+maxPart)}
	r.sum.Write(header)
	return r
}

func (r *partReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.end != nil {
			return 0, r.end
		}
		r.end = r.next()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *partReader) next() error {
	head := r.buf[:partHead]
	if err := r.fill(head); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head)
	if n > maxPart {
		return fmt.Errorf("is damaged: part %d has an impossible length", r.parts)
	}
	data := r.buf[partHead : partHead+n]
	if err := r.fill(data); err != nil {
		return err
	}
	if crc32.Checksum(data, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return fmt.Errorf("is damaged: part %d has a wrong checksum", r.parts)
	}
	r.sum.Write(r.buf[:partHead+n])
	if n == 0 {
		return r.finish()
	}
	r.parts++
	r.rest = data
	return nil
}

func (r *partReader) fill(b []byte) error {
	_, err := io.ReadFull(r.in, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("is cut off in part %d", r.parts)
	}
	return err
}

// finish wants the right checksum and nothing behind it.
func (r *partReader) finish() error {
	var want [sha256.Size]byte
	if err := r.fill(want[:]); err != nil {
		return err
	}
	if [sha256.Size]byte(r.sum.Sum(nil)) != want {
		return errors.New("is damaged: its parts do not belong together")
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("is damaged: something follows its end"), err)
	}
	return io.EOF
}

// checksum of the copy, once Read has returned io.EOF.
func (r *partReader) checksum() string { return hex.EncodeToString(r.sum.Sum(nil)) }
