package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// talk returns a stream whose other end reads all that comes and says the pieces, each with one write, then hangs up.
func talk(t *testing.T, pieces ...string) *stream {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	near.SetDeadline(time.Now().Add(30 * time.Second))
	go io.Copy(io.Discard, far)
	go func() {
		for _, piece := range pieces {
			io.WriteString(far, piece)
		}
		far.Close()
	}()
	return &stream{conn: near, prompt: "@a@"}
}

func TestStreamAwait(t *testing.T) {
	tests := []struct {
		name   string
		n      int
		pieces []string
		want   string // payload of the last reply
	}{
		{"one", 1, []string{"data:ok\n@a@"}, "ok"},
		{"empty payload", 1, []string{"data:\n@a@"}, ""},
		{"bytewise", 1, strings.Split("data:ok\n@a@", ""), "ok"},
		{"prompt of its own", 1, []string{"data:ok\n", "@a@"}, "ok"},
		{"several in one", 3, []string{"data:1\n@a@data:2\n@a@data:3\n@a@"}, "3"},
		{"several, cut anywhere", 3, []string{"data:1\n@a", "@data:2\n@a@da", "ta:3\n@a@"}, "3"},
		{"several of their own", 2, []string{"data:1\n@a@", "data:2\n@a@"}, "2"},
		{"more than the buffer in all", 4, []string{strings.Repeat("data:"+strings.Repeat("x", 6000)+"\n@a@", 4)}, strings.Repeat("x", 6000)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := talk(t, test.pieces...).await(test.n)
			if string(got) != test.want || err != nil {
				t.Errorf("got %.50q, %v; want %.50q", got, err, test.want)
			}
		})
	}
}

func TestStreamAwaitFails(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		want   string // part of the error
	}{
		{"closed", nil, "EOF"},
		{"closed in a reply", []string{"data:o"}, "EOF"},
		{"error reply", []string{"error:AT0015-key not found\n@a@"}, "AT0015"},
		{"another prompt", []string{"data:ok\n@b@"}, "@b@"},
		{"one too many", []string{"data:ok\n@a@data:ok\n@a@"}, errMany.Error()},
		{"beginning of one too many", []string{"data:ok\n@a@d"}, errMany.Error()},
		{"endless", []string{"data:" + strings.Repeat("x", 20_000)}, "without end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := talk(t, test.pieces...).await(1); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestStreamAsk(t *testing.T) {
	s := talk(t, "@a@", "data:_1@a:2\n@a@")
	if err := s.greeting(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ask("from:@a\n"); got != "_1@a:2" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.ask("from:@a\n"); err == nil {
		t.Error("asked a closed connection")
	}
}

func TestStreamAskLong(t *testing.T) {
	long := strings.Repeat("0123456789", 100_000)
	for name, pieces := range map[string][]string{
		"short":             {"data:ok\n@a@", "data:ok\n@a@"},
		"long":              {"data:" + long + "\n@a@", "data:ok\n@a@"},
		"prompt of its own": {"data:" + long + "\n", "@a", "@", "data:ok\n@a@"},
	} {
		s := talk(t, pieces...)
		got, err := s.askLong([]byte("scan\n"))
		if want := strings.TrimSuffix(strings.TrimPrefix(pieces[0], "data:"), "\n@a@"); strings.TrimSpace(string(got)) != strings.TrimSpace(want) || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if got, err := s.askLong([]byte("noop:0\n")); string(got) != "ok" || err != nil {
			t.Errorf("%s: then %.50q, %v", name, got, err)
		}
	}
	for name, pieces := range map[string][]string{
		"closed":        {"data:" + long},
		"an error":      {"error:AT0003-no\n@a@"},
		"one too many":  {"data:ok\n@a@data:ok\n@a@"},
		"other prompts": {"data:ok\n@b@"},
	} {
		if got, err := talk(t, pieces...).askLong([]byte("scan\n")); err == nil {
			t.Errorf("%s: got %.50q", name, got)
		}
	}
}

func TestStreamGreetingFails(t *testing.T) {
	if err := talk(t, "error:AT0012-").greeting(); err == nil {
		t.Error("took an error for a greeting")
	}
	if err := talk(t, "@").greeting(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestStreamAllocatesNothing(t *testing.T) {
	s := &stream{conn: endless{}, prompt: "@a@"}
	random := load{work: works["update"], records: 1000, pipeline: 1}
	got := testing.AllocsPerRun(100, func() {
		s.out = random.work(s.out[:0], 7)
		if err := s.exchange(1); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a request", got)
	}
}

// endless answers as soon as it is read.
type endless struct{ net.Conn }

func (endless) Write(p []byte) (int, error) { return len(p), nil }
func (endless) Read(p []byte) (int, error)  { return copy(p, "data:ok\n@a@"), nil }

func FuzzCutReply(f *testing.F) {
	f.Add([]byte("data:ok\n@a@data:"), "@a@")
	f.Add([]byte("error:x\n@"), "@")
	f.Fuzz(func(t *testing.T, b []byte, prompt string) {
		payload, after, err := cutReply(b, prompt)
		if err == nil && payload != nil && "data:"+string(payload)+"\n"+prompt+string(after) != string(b) {
			t.Errorf("%q became %q and %q", b, payload, after)
		}
		if err == nil && payload == nil && string(after) != string(b) {
			t.Errorf("%q lost something: %q", b, after)
		}
	})
}
