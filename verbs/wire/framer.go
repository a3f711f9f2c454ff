package wire

import (
	"bytes"
	"errors"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

const (
	// MaxLine is the length in bytes of the longest command, its LF included.
	MaxLine = 10_240_000
	// FreeLine is how many bytes of a command a connection may hold without asking the Budget.
	FreeLine = 64 << 10
)

var (
	// ErrNotText marks a command with invalid UTF-8, or with a NUL or CR inside. The connection may go on.
	ErrNotText = errors.New("command is not text")
	// ErrLineTooLong means that a command exceeds MaxLine. Nothing after it can be read.
	ErrLineTooLong = errors.New("command exceeds the limit of 10240000 bytes")
	// ErrBudget means that the server has no memory left for a long command. Nothing after it can be read.
	ErrBudget = errors.New("no memory left for long commands")
)

// Line is one command without its LF and the white space around it.
type Line struct {
	Text string
	Err  error // nil or ErrNotText; then Text is empty
}

// Budget lends memory for the part of a command beyond FreeLine bytes. One serves a whole server, so both methods are
// called from many goroutines. What was taken is always given back, at the latest by Framer.Close.
type Budget interface {
	Take(n int) bool // false: not available now
	Give(n int)
}

// Framer cuts what arrives on one connection into commands. It belongs to the goroutine that reads the connection,
// holds a copy of nothing but the unfinished command, and no memory at all between commands.
//
// Feed it what a read delivered, then call Next until it reports no more.
type Framer struct {
	Budget Budget // nil: no bound but MaxLine

	chunk []byte // unread rest of what was fed; not ours
	held  []byte // beginning of a command whose LF has not come
	lent  int    // taken from the Budget for held
	out   int    // taken from the Budget for the line that Next returned last
	more  bool   // the next chunk belongs to the same read
	after bool   // the line before was a command of the same read
	err   error  // fatal, repeated for ever
}

// Feed hands over what was read. The chunk must stay untouched until Next reports no more. With more the next chunk
// belongs to the same read, because this one filled its buffer: that matters to blank lines only.
func (f *Framer) Feed(chunk []byte, more bool) {
	f.after = f.after && f.more
	f.chunk, f.more = chunk, more
}

// Next returns the next complete command, or false when more must be fed. Asking for the next command says that the
// one before has been executed: its loan ends. An error, ErrLineTooLong or ErrBudget, is final.
//
// A blank line directly after a command of the same read is dropped (at_rust ends commands with two LF), any other is
// delivered as "" (at_c waits for an answer to one).
func (f *Framer) Next() (Line, bool, error) {
	for {
		f.give(&f.out)
		if f.err != nil {
			return Line{}, false, f.err
		}
		end := bytes.IndexByte(f.chunk, '\n')
		if end < 0 {
			rest := f.chunk
			f.chunk = nil
			return Line{}, false, f.hold(rest, false)
		}
		part := f.chunk[:end]
		f.chunk = f.chunk[end+1:]
		line, err := f.finish(part)
		if err != nil {
			return Line{}, false, err
		}
		blank := line == Line{}
		dropped := blank && f.after
		f.after = !blank
		if !dropped {
			return line, true, nil
		}
	}
}

// Pending is the number of bytes held of an unfinished command.
func (f *Framer) Pending() int { return len(f.held) }

// Close forgets everything and ends all loans. It may be called more than once.
func (f *Framer) Close() {
	f.chunk, f.held = nil, nil
	f.give(&f.lent)
	f.give(&f.out)
}

// finish makes a line of what is held and its last part. A short command is copied out of the caller's chunk once;
// what is held is handed over as it is.
func (f *Framer) finish(part []byte) (Line, error) {
	if len(f.held) == 0 && len(part) <= FreeLine {
		text, err := clean(part)
		return Line{string(text), err}, nil
	}
	if err := f.hold(part, true); err != nil {
		return Line{}, err
	}
	text, err := clean(f.held)
	f.held = nil
	f.out, f.lent = f.lent, 0
	if len(text) <= FreeLine { // mostly blanks: who keeps a part of it must not keep those
		return Line{string(text), err}, nil
	}
	return Line{unsafe.String(unsafe.SliceData(text), len(text)), err}, nil
}

// hold appends part to the unfinished command. The Budget is charged by capacity, before memory is allocated.
func (f *Framer) hold(part []byte, last bool) error {
	need := len(f.held) + len(part)
	if need >= MaxLine {
		return f.fail(ErrLineTooLong)
	}
	if need > cap(f.held) {
		size := need
		switch {
		case last:
		case 2*need > MaxLine/2: // not twice what is copied, and once more soon after
			size = MaxLine - 1
		default:
			size = 2 * need
		}
		if extra := size - FreeLine - f.lent; extra > 0 && f.Budget != nil {
			if !f.Budget.Take(extra) {
				return f.fail(ErrBudget)
			}
			f.lent += extra
		}
		f.held = append(make([]byte, 0, size), f.held...)
	}
	f.held = append(f.held, part...)
	return nil
}

func (f *Framer) fail(err error) error {
	f.Close()
	f.err = err
	return err
}

func (f *Framer) give(n *int) {
	if *n > 0 {
		f.Budget.Give(*n)
		*n = 0
	}
}

// clean trims b and checks that it is text.
func clean(b []byte) ([]byte, error) {
	b = bytes.TrimFunc(b, isBlank)
	if bytes.IndexByte(b, 0) >= 0 || bytes.IndexByte(b, '\r') >= 0 || !utf8.Valid(b) {
		return nil, ErrNotText
	}
	return b, nil
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' }
