package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// However a stream is cut, the same commands come out; blank lines depend on what was read together. Each of the first
// "~" stands for 30,000 bytes, so that small inputs make commands that need the budget.
func FuzzFramer(f *testing.F) {
	for _, seed := range []string{"", "\n", "\r\n", "noop:0\n", "from:alice\n\n", "a\r\nb\n\n\nc", "\ufeff a \u2003\n", "a\x00b\n\xff\n\n",
		"a\rb\n", "from:@🦄\n\n", "~~~\n\nb\n", "~~~", "~\xff~~\n", "~\n~\n"} {
		f.Add([]byte(seed), []byte{1, 2, 3, 5, 200})
	}
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		stream = bytes.Replace(stream, []byte("~"), bytes.Repeat([]byte("x"), 30_000), 8)
		var chunks read
		for rest := stream; len(rest) > 0; {
			n := len(rest)
			if len(cuts) > 0 {
				size := 1 + int(cuts[0])
				if size > 128 {
					size *= 128
				}
				n, cuts = min(n, size), cuts[1:]
			}
			chunks, rest = append(chunks, string(rest[:n])), rest[n:]
		}
		separate := make([]read, len(chunks))
		for i, chunk := range chunks {
			separate[i] = read{chunk}
		}

		whole := run(t, stream, read{string(stream)})
		if joined := run(t, stream, chunks); !slices.Equal(joined, whole) {
			t.Fatalf("one read: %q whole, %q in chunks of %q", whole, joined, chunks)
		}
		blank := func(s string) bool { return s == "" }
		apart := slices.DeleteFunc(run(t, stream, separate...), blank)
		if whole = slices.DeleteFunc(whole, blank); !slices.Equal(apart, whole) {
			t.Fatalf("%q in one read, %q in reads of %q", whole, apart, chunks)
		}
	})
}

// run feeds the reads to a framer with a small budget and checks what must hold whatever comes.
func run(t *testing.T, stream []byte, reads ...read) []string {
	p := &purse{left: 4 * MaxLine}
	f := &Framer{Budget: p}
	var lines []string
	for _, r := range reads {
		got, err := frames(f, r)
		if err != nil {
			t.Fatal(err)
		}
		if cap(f.held) > 2*len(stream) || cap(f.held) >= MaxLine || p.lent > max(0, cap(f.held)-FreeLine) {
			t.Fatalf("%d bytes held, %d lent for a stream of %d", cap(f.held), p.lent, len(stream))
		}
		lines = append(lines, got...)
	}
	for _, line := range lines {
		if strings.ContainsAny(line, "\n\r\x00") || strings.TrimFunc(line, isBlank) != line {
			t.Fatalf("line %q", line)
		}
	}
	if want := len(stream) - 1 - bytes.LastIndexByte(stream, '\n'); f.Pending() != want {
		t.Fatalf("%d bytes pending, want %d", f.Pending(), want)
	}
	f.Close()
	if p.lent != 0 {
		t.Fatalf("%d bytes still lent", p.lent)
	}
	return lines
}
