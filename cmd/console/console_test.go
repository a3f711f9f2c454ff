package console

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTable(t *testing.T) {
	head := []string{"KEY", "SCOPE"}
	rows := [][]string{
		{"phone.wavi@alice", "self"},
		{"public:a.very.long.name.that.goes.on.wavi@alice", "public"},
		{"päivä.wavi@alice", "for @bob"},
		{"none", ""},
	}
	for name, c := range map[string]struct {
		con  Console
		want string
	}{
		"into a file": {Console{}, `KEY                                              SCOPE
phone.wavi@alice                                 self
public:a.very.long.name.that.goes.on.wavi@alice  public
päivä.wavi@alice                                 for @bob
none
`},
		"wide terminal": {Console{Shown: true, Width: 80}, `KEY                                              SCOPE
phone.wavi@alice                                 self
public:a.very.long.name.that.goes.on.wavi@alice  public
päivä.wavi@alice                                 for @bob
none
`},
		"narrow terminal": {Console{Shown: true, Width: 30}, `KEY                   SCOPE
phone.wavi@alice      self
public:a.very.long.…  public
päivä.wavi@alice      for @bob
none
`},
		"absurd terminal": {Console{Shown: true, Width: 3}, `KEY       SCOPE
phone.w…  self
public:…  public
päivä.w…  for @bob
none
`},
	} {
		var out bytes.Buffer
		c.con.Out = &out
		if err := c.con.Table(head, rows); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, out.String(), c.want)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if c.con.Width >= 30 && utf8.RuneCountInString(line) > c.con.Width {
				t.Errorf("%s: %q is too wide", name, line)
			}
		}
	}
}

func TestColour(t *testing.T) {
	var out bytes.Buffer
	con := Console{Out: &out, Shown: true, Colour: true}
	if err := con.Table([]string{"A"}, [][]string{{"b"}}); err != nil || out.String() != "\x1b[1mA\x1b[0m\nb\n" {
		t.Errorf("table %q, %v", out.String(), err)
	}
}

func TestTerminalShowsNoTricks(t *testing.T) {
	for in, want := range map[string]string{
		"text":              "text\n",
		"text\n":            "text\n",
		"":                  "\n",
		"a\tb\nc":           "a\tb\nc\n",
		"\x1b]0;title\x07x": `\u001b]0;title\u0007x` + "\n",
		"over\rwritten":     `over\u000dwritten` + "\n",
		"\xff\x00":          `\xff\u0000` + "\n",
		"abc\u202edef":      `abc\u202edef` + "\n",
		"\uFFFD":            "\uFFFD\n",
		"päivä ✓":           "päivä ✓\n",
	} {
		var out bytes.Buffer
		con := Console{Out: &out, Shown: true}
		if err := con.PrintValue([]byte(in)); err != nil || out.String() != want {
			t.Errorf("%q on a terminal: %q, %v; want %q", in, out.String(), err, want)
		}
		out.Reset()
		con.Shown = false
		if err := con.PrintValue([]byte(in)); err != nil || out.String() != in {
			t.Errorf("%q into a file: %q, %v", in, out.String(), err)
		}
	}
}
