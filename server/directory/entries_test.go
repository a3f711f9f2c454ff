package directory

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       map[atkey.Sign]string
	}{
		{"empty", "", nil},
		{"comments and blanks", "# all\n\n  \n\t# more\r\n", nil},
		{"equals sign", "@alice=localhost:6464\n", map[atkey.Sign]string{"@alice": "localhost:6464"}},
		{"blank", "@alice localhost:6464", map[atkey.Sign]string{"@alice": "localhost:6464"}},
		{"generous blanks", " @alice \t = localhost:6464 \r\n@bob\t10.0.0.1:1\n",
			map[atkey.Sign]string{"@alice": "localhost:6464", "@bob": "10.0.0.1:1"}},
		{"folded", "Al.Ice=localhost:6464\n@🦄 localhost:2\n", map[atkey.Sign]string{"@alice": "localhost:6464", "@🦄": "localhost:2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := parse(test.text); err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"@alice", "line 1: no address"},
		{"#\n\n@alice=\n", "line 3: address"},
		{"@alice=localhost\n", "line 1: address"},
		{"@alice=localhost:0\n", "line 1: address"},
		{"@alice=localhost:1 # home\n", "line 1: address"},
		{"@alice==localhost:1\n", "line 1: address"},
		{"=localhost:1\n", "line 1: invalid @sign"},
		{"@a@b=localhost:1\n", "line 1: invalid @sign"},
		{"@alice=localhost:1\n@Alice localhost:2\n", "line 2: @alice is listed twice"},
	}
	for _, test := range tests {
		got, err := parse(test.text)
		if got != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q: got %v, %v; want %q", test.text, got, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "@alice=localhost:1\n", "@bob 10.0.0.1:65535", "# x\n\n@a\t=\tb:1\r\n", "=", "@", "@a=b:1\n@a=b:1", "\xff=a:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		listed, err := parse(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for sign, address := range listed {
			again.WriteString(string(sign) + "=" + address + "\n")
		}
		if got, err := parse(again.String()); err != nil || !maps.Equal(got, listed) {
			t.Fatalf("%q read as %v, and that as %v, %v", text, listed, got, err)
		}
	})
}

// file is an entries file of which every version has a time of its own.
type file struct {
	t       *testing.T
	path    string
	version time.Time
}

func newFile(t *testing.T, text string) *file {
	f := &file{t, filepath.Join(t.TempDir(), "entries"), start}
	f.write(text)
	return f
}

func (f *file) write(text string) {
	f.version = f.version.Add(time.Second)
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Chtimes(f.path, f.version, f.version); err != nil {
		f.t.Fatal(err)
	}
}

var start = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func TestEntriesFollowTheFile(t *testing.T) {
	f := newFile(t, "@alice=localhost:1\n")
	now := start
	var log bytes.Buffer
	e := entries{path: f.path, now: func() time.Time { return now }, log: zerolog.New(&log)}
	if err := e.open(); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name    string
		change  func()
		later   time.Duration
		want    string
		logged  string // "" is nothing
		atSignB string
	}{
		{"as read", func() {}, 0, "localhost:1", "", ""},
		{"changed a moment ago", func() { f.write("@alice=localhost:2\n@bob=localhost:3\n") }, recheck - 1, "localhost:1", "", ""},
		{"changed", func() {}, 1, "localhost:2", "read again", "localhost:3"},
		{"unchanged", func() {}, recheck, "localhost:2", "", "localhost:3"},
		{"bad", func() { f.write("@alice=nowhere\n") }, recheck, "localhost:2", "line 1", "localhost:3"},
		{"still bad, said once", func() {}, recheck, "localhost:2", "", "localhost:3"},
		{"good again", func() { f.write("@alice=localhost:4\n") }, recheck, "localhost:4", "read again", ""},
		{"gone", func() { os.Remove(f.path) }, recheck, "localhost:4", "cannot be read", ""},
		{"still gone, said once", func() {}, recheck, "localhost:4", "", ""},
		{"back", func() { f.write("@alice=localhost:5\n") }, recheck, "localhost:5", "read again", ""},
		{"replaced by another of the same time and size", func() {
			other := &file{t, f.path + ".new", f.version.Add(-time.Second)}
			other.write("@alice=localhost:6\n")
			if err := os.Rename(other.path, f.path); err != nil {
				t.Fatal(err)
			}
		}, recheck, "localhost:6", "read again", ""},
		{"clock set back", func() { f.write("@alice=localhost:7\n") }, -time.Hour, "localhost:7", "read again", ""},
		{"empty", func() { f.write("") }, recheck, "", "read again", ""},
	}
	for _, step := range steps {
		log.Reset()
		step.change()
		now = now.Add(step.later)
		if got := e.lookup("@alice"); got != step.want {
			t.Fatalf("%s: @alice is at %q, want %q", step.name, got, step.want)
		}
		if got := e.lookup("@bob"); got != step.atSignB {
			t.Fatalf("%s: @bob is at %q, want %q", step.name, got, step.atSignB)
		}
		if got := log.String(); !strings.Contains(got, step.logged) || step.logged == "" && got != "" {
			t.Fatalf("%s: log says %q, want %q", step.name, got, step.logged)
		}
	}
}

func TestEntriesOfTheFileWin(t *testing.T) {
	f := newFile(t, "@alice=localhost:2\n")
	given := map[atkey.Sign]string{"@alice": "localhost:1", "@bob": "localhost:1"}
	e := entries{given: given, path: f.path, now: func() time.Time { return start }}
	if err := e.open(); err != nil {
		t.Fatal(err)
	}
	given["@bob"] = "elsewhere:1"
	for sign, want := range map[atkey.Sign]string{"@alice": "localhost:2", "@bob": "localhost:1", "@carol": ""} {
		if got := e.lookup(sign); got != want {
			t.Errorf("%s is at %q, want %q", sign, got, want)
		}
	}
}
