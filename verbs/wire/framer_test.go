package wire

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// purse is a Budget of so many bytes that notes what was lent.
type purse struct{ left, lent, most int }

func (p *purse) Take(n int) bool {
	if n > p.left {
		return false
	}
	p.left -= n
	p.lent += n
	p.most = max(p.most, p.lent)
	return true
}

func (p *purse) Give(n int) { p.left += n; p.lent -= n }

// read is one read of a connection: its bytes, cut in chunks by a small buffer.
type read []string

// frames feeds the reads and returns what came out, a bad line as "!".
func frames(f *Framer, reads ...read) (lines []string, err error) {
	for _, r := range reads {
		for i, chunk := range r {
			f.Feed([]byte(chunk), i < len(r)-1)
			for {
				line, ok, err := f.Next()
				if err != nil {
					return lines, err
				}
				if !ok {
					break
				}
				if line.Err != nil {
					line.Text += "!"
				}
				lines = append(lines, line.Text)
			}
		}
	}
	return lines, nil
}

func TestFramer(t *testing.T) {
	tests := []struct {
		name  string
		reads []read
		want  []string
	}{
		{"nothing", []read{{""}}, nil},
		{"one line", []read{{"noop:0\n"}}, []string{"noop:0"}},
		{"CRLF", []read{{"noop:0\r\n"}}, []string{"noop:0"}},
		{"no LF yet", []read{{"noop:0"}}, nil},
		{"in pieces", []read{{"no"}, {"op"}, {":0\n"}}, []string{"noop:0"}},
		{"LF alone later", []read{{"noop:0"}, {"\n"}}, []string{"noop:0"}},
		{"pipelined", []read{{"a\nb\r\nc\n"}}, []string{"a", "b", "c"}},
		{"pipelined and begun", []read{{"a\nb"}, {"c\nd\n"}}, []string{"a", "bc", "d"}},
		{"white space around", []read{{"\ufeff \t\u2003info\u00a0\u0085\v\f\r\n"}}, []string{"info"}},
		{"white space inside", []read{{"update:a@b c  d\te\n"}}, []string{"update:a@b c  d\te"}},
		{"BOM inside", []read{{"a\ufeffb\n"}}, []string{"a\ufeffb"}},
		{"emoji", []read{{"from:@🦄\n"}}, []string{"from:@🦄"}},
		{"emoji in pieces", []read{{"from:@\xf0\x9f"}, {"\xa6\x84\n"}}, []string{"from:@🦄"}},
		{"LF first", []read{{"\na\n"}}, []string{"", "a"}},

		{"blank alone", []read{{"\n"}}, []string{""}},
		{"CRLF alone", []read{{"\r\n"}}, []string{""}},
		{"BOM alone", []read{{"\ufeff\n"}}, []string{""}},
		{"two blanks", []read{{"\n\n"}}, []string{"", ""}},
		{"at_rust", []read{{"from:alice\n\n"}, {"pkam:x\n\n"}}, []string{"from:alice", "pkam:x"}},
		{"at_c", []read{{"\r\n"}, {"from:alice\r\n"}, {"\r\n"}}, []string{"", "from:alice", ""}},
		{"blank in a read of its own", []read{{"a\n"}, {"\n"}}, []string{"a", ""}},
		{"blank after the end of a split command", []read{{"a"}, {"b\n\n"}}, []string{"ab"}},
		{"blank in the next chunk of one read", []read{{"a\n", "\n"}}, []string{"a"}},
		{"blank split over chunks of one read", []read{{"a\n", "\r", "\n"}}, []string{"a"}},
		{"only the first blank belongs to the command", []read{{"a\n\n\nb\n"}}, []string{"a", "", "b"}},
		{"blank after a bad line", []read{{"\xff\n\n"}}, []string{"!"}},
		{"a full buffer is forgotten by the read after", []read{{"a\n", ""}, {"\n"}}, []string{"a", ""}},

		{"invalid UTF-8", []read{{"a\xffb\nc\n"}}, []string{"!", "c"}},
		{"half an emoji", []read{{"a\xf0\x9f\n"}}, []string{"!"}},
		{"surrogate", []read{{"a\xed\xa0\x80b\n"}}, []string{"!"}},
		{"NUL", []read{{"a\x00b\nc\n"}}, []string{"!", "c"}},
		{"NUL at the end", []read{{"a\x00\n"}}, []string{"!"}},
		{"CR inside", []read{{"a\rb\nc\n"}}, []string{"!", "c"}},
		{"CR CR LF", []read{{"a\r\r\n"}}, []string{"a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := frames(new(Framer), test.reads...)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestFramerBadLineHasNoText(t *testing.T) {
	var f Framer
	f.Feed([]byte("secret\x00\n"), false)
	line, ok, err := f.Next()
	if line != (Line{Err: ErrNotText}) || !ok || err != nil {
		t.Errorf("got %v, %v, %v", line, ok, err)
	}
}

func TestFramerOwnsItsText(t *testing.T) {
	var f Framer
	chunk := []byte("first\nbegun")
	f.Feed(chunk, false)
	line, _, _ := f.Next()
	if _, ok, _ := f.Next(); ok {
		t.Fatal("an unfinished line was delivered")
	}
	copy(chunk, "XXXXXXXXXXXX")
	f.Feed([]byte("!\n"), false)
	if rest, _, _ := f.Next(); line.Text != "first" || rest.Text != "begun!" {
		t.Errorf("got %q and %q after the chunk was reused", line.Text, rest.Text)
	}
}

func TestFramerLimit(t *testing.T) {
	const size = 16384
	tests := []struct {
		name  string
		bytes int // before the LF
		lf    bool
		err   error
	}{
		{"longest", MaxLine - 1, true, nil},
		{"one more", MaxLine, true, ErrLineTooLong},
		{"longest, LF still to come", MaxLine - 1, false, nil},
		{"one more, without waiting for LF", MaxLine, false, ErrLineTooLong},
	}
	for _, test := range tests {
		for _, chunk := range []int{size, MaxLine + 1} {
			t.Run(fmt.Sprintf("%s/%d", test.name, chunk), func(t *testing.T) {
				line := strings.Repeat("x", test.bytes)
				if test.lf {
					line += "\n"
				}
				p := &purse{left: 1 << 30}
				f := &Framer{Budget: p}
				var r read
				for len(line) > chunk {
					r, line = append(r, line[:chunk]), line[chunk:]
				}
				lines, err := frames(f, append(r, line))
				if err != test.err {
					t.Fatalf("got error %v, want %v", err, test.err)
				}
				if test.lf && err == nil && (len(lines) != 1 || len(lines[0]) != MaxLine-1) {
					t.Errorf("got %d lines", len(lines))
				}
				if p.most > MaxLine {
					t.Errorf("borrowed %d bytes for one line", p.most)
				}
				f.Close()
				if p.lent != 0 || f.Pending() != 0 {
					t.Errorf("%d bytes still lent, %d held", p.lent, f.Pending())
				}
			})
		}
	}
}

func TestFramerErrorIsFinal(t *testing.T) {
	f := &Framer{Budget: &purse{}}
	f.Feed([]byte(strings.Repeat("x", FreeLine+1)), false)
	for range 2 {
		if _, ok, err := f.Next(); ok || !errors.Is(err, ErrBudget) {
			t.Fatalf("got %v, %v", ok, err)
		}
		f.Feed([]byte("noop:0\n"), false)
	}
}

func TestFramerBudget(t *testing.T) {
	t.Run("free part is not charged", func(t *testing.T) {
		p := &purse{}
		line := strings.Repeat("x", FreeLine/2)
		if got, err := frames(&Framer{Budget: p}, read{line[:FreeLine/4]}, read{line[FreeLine/4:] + "\n"}); err != nil || got[0] != line {
			t.Errorf("got %d lines, %v", len(got), err)
		}
	})
	t.Run("given back when the line was executed", func(t *testing.T) {
		p := &purse{left: 1 << 20}
		f := &Framer{Budget: p}
		f.Feed([]byte(strings.Repeat("x", 3*FreeLine)+"\nshort\n"), false)
		if _, ok, err := f.Next(); !ok || err != nil {
			t.Fatal("no line", err)
		}
		if p.lent != 2*FreeLine {
			t.Errorf("%d bytes lent while the line is executed, want %d", p.lent, 2*FreeLine)
		}
		if line, _, _ := f.Next(); line.Text != "short" || p.lent != 0 {
			t.Errorf("%q: %d bytes lent", line.Text, p.lent)
		}
	})
	t.Run("given back for a blank and a bad line", func(t *testing.T) {
		for _, long := range []string{strings.Repeat(" ", 3*FreeLine), strings.Repeat("\xff", 3*FreeLine)} {
			p := &purse{left: 1 << 20}
			if _, err := frames(&Framer{Budget: p}, read{"a\n" + long + "\n" + long + "\n"}); err != nil || p.lent != 0 {
				t.Errorf("%d bytes lent, %v", p.lent, err)
			}
		}
	})
	t.Run("given back when the connection ends", func(t *testing.T) {
		p := &purse{left: 1 << 20}
		f := &Framer{Budget: p}
		f.Feed([]byte(strings.Repeat("x", 2*FreeLine)), false)
		if _, ok, err := f.Next(); ok || err != nil || p.lent == 0 {
			t.Fatal(ok, err, p.lent)
		}
		f.Close()
		f.Close()
		if p.lent != 0 || p.left != 1<<20 {
			t.Errorf("%d bytes lent, %d left", p.lent, p.left)
		}
	})
	t.Run("never more than what is there", func(t *testing.T) {
		p := &purse{left: 4 * FreeLine}
		var fs [8]Framer
		refused := 0
		for i := range fs {
			fs[i].Budget = p
			if _, err := frames(&fs[i], read{strings.Repeat("x", 2*FreeLine)}); errors.Is(err, ErrBudget) {
				refused++
			}
		}
		if refused == 0 || refused == len(fs) || p.left < 0 {
			t.Errorf("%d of %d refused, %d left", refused, len(fs), p.left)
		}
		for i := range fs {
			fs[i].Close()
		}
		if p.lent != 0 {
			t.Errorf("%d bytes lent at the end", p.lent)
		}
	})
}

func TestFramerKeepsNothing(t *testing.T) {
	var f Framer
	if _, err := frames(&f, read{"be"}, read{"gun\n"}, read{strings.Repeat("x", FreeLine+1) + "\n"}); err != nil {
		t.Fatal(err)
	}
	if f.held != nil || len(f.chunk) != 0 {
		t.Errorf("%d bytes held, %d of a chunk", cap(f.held), len(f.chunk))
	}
}

func BenchmarkFramer(b *testing.B) {
	short := []byte("update:ttl:1000:ttr:-1:@bob:phone.wavi@alice +1 234\n")
	pipelined := slices.Repeat(short, 16)
	long := []byte(strings.Repeat("x", 1<<20) + "\n")
	for _, bench := range []struct {
		name  string
		input []byte
		chunk int
	}{
		{"short", short, 4096},
		{"pipelined16", pipelined, 4096},
		{"split", short, 20},
		{"1MiB", long, 16384},
	} {
		b.Run(bench.name, func(b *testing.B) {
			f := &Framer{Budget: &purse{left: 1 << 30}}
			b.SetBytes(int64(len(bench.input)))
			b.ReportAllocs()
			for b.Loop() {
				for chunk := range slices.Chunk(bench.input, bench.chunk) {
					f.Feed(chunk, len(chunk) == bench.chunk)
					for {
						if _, ok, err := f.Next(); err != nil {
							b.Fatal(err)
						} else if !ok {
							break
						}
					}
				}
			}
		})
	}
}
