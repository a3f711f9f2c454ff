package server_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A transcript is read line by line. Blank lines and lines that begin with "#" are comments. The rest:
//
//	@alice2        select a connection, opening it if it is not open. The letters of its name say who opens it:
//	               "anon" nobody, "cram" who holds the secret, "owner" the owner's app, enrolled as Dart does,
//	               "legacy" the same as Python does it. "owner" and "owner2" are two connections of one app.
//	> text         send a command and LF
//	< text         the next thing that comes must be this, to the byte: ⏎ is LF, and what stands behind it is the
//	               prompt. A reply of 16 KiB or less must come in one TLS record, a longer one must end in one
//	               record that holds its LF and prompt
//	raw "a" "b"    send bytes, each Go string in a TLS record of its own
//	closed         the server ends the connection and says no more
//	let x = f a b  name a value; the functions are in functions_test.go
//	clock +61s     move the time on
//	step           let the server do what is due, as it does by itself every few seconds: end silent connections, and,
//	               five minutes after it did last, remove what has expired. Say something on each connection between
//	               a clock and a step, else it may be found in the middle of the reply before, and not to get on
//	fresh          this script needs a server of its own: it cannot be played against one that others use
//
// In sent text ${x} is the value of x. In expected text it is, too, and further:
//
//	${uuid}        anything of that kind, see kinds
//	${/[a-z]+/}    anything that the expression matches
//	${x=uuid}      the same, and from now on x is what stood there
type script []step

type step struct {
	line int
	verb string // "@" and ">" and "<" among them
	arg  string
}

func readScript(file string) (script, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseScript(string(raw))
}

func parseScript(text string) (script, error) {
	var s script
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		verb, arg, _ := strings.Cut(line, " ")
		if name, ok := strings.CutPrefix(verb, "@"); ok {
			verb, arg = "@", name
		}
		switch verb {
		case "@", ">", "<", "raw", "closed", "let", "clock", "step", "fresh":
		default:
			return nil, fmt.Errorf("line %d: unknown step %q", i+1, verb)
		}
		s = append(s, step{i + 1, verb, arg})
	}
	return s, nil
}

// fresh reports whether a script needs a server of its own.
func (s script) fresh() bool {
	for _, step := range s {
		switch step.verb {
		case "fresh", "clock", "step":
			return true
		case "@":
			if name := persona(step.arg); name == "cram" || name == "legacy" {
				return true
			}
		}
	}
	return false
}

// kinds are the fields that differ from run to run.
var kinds = map[string]string{
	"uuid":      uuidPattern,
	"session":   "_" + uuidPattern,
	"challenge": "_" + uuidPattern + "@alice:" + uuidPattern,
	"int":       `-?[0-9]+`,
	"time":      `[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`,
	"iso":       `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+Z`,
	"base64":    `[A-Za-z0-9+/]+=*`,
	"bound":     `pol1\.[A-Za-z0-9_-]+=*`,
	"text":      `[^\n]+`,
}

const uuidPattern = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`

// field is one ${...}.
var field = regexp.MustCompile(`\$\{(?:([a-z]\w*)=)?(?:/(.+?)/|([a-z]\w*))\}`)

// expand puts values into text that is sent.
func expand(text string, values map[string]string) (string, error) {
	var err error
	return field.ReplaceAllStringFunc(text, func(f string) string {
		name := strings.Trim(f, "${}")
		value, ok := values[name]
		if !ok {
			err = fmt.Errorf("%s has no value", f)
		}
		return value
	}), err
}

// expected is what must come: text to the byte, or an expression whose named groups are values to keep.
type expected struct {
	text    string
	pattern *regexp.Regexp // instead of text, if it has fields
}

func expectation(text string, values map[string]string) (expected, error) {
	var e expected
	var pattern strings.Builder
	rest := strings.ReplaceAll(text, "⏎", "\n")
	for m := field.FindStringSubmatch(rest); m != nil; m = field.FindStringSubmatch(rest) {
		before, after, _ := strings.Cut(rest, m[0])
		e.text, rest = e.text+before, after
		capture, expression, name := m[1], m[2], m[3]
		if expression == "" {
			expression = kinds[name]
		}
		if value, known := values[name]; expression == "" && known {
			e.text += value
			continue
		}
		if expression == "" {
			return e, fmt.Errorf("${%s} is neither a kind nor a value", name)
		}
		group := "?:"
		if capture != "" {
			group = "?P<" + capture + ">"
		}
		fmt.Fprintf(&pattern, "%s(%s%s)", regexp.QuoteMeta(e.text), group, expression)
		e.text = ""
	}
	e.text += rest
	if pattern.Len() == 0 {
		return e, nil
	}
	var err error
	e.pattern, err = regexp.Compile(`\A` + pattern.String() + regexp.QuoteMeta(e.text) + `\z`)
	return e, err
}

// match compares, and keeps what is to be kept.
func (e expected) match(got string, values map[string]string) bool {
	if e.pattern == nil {
		return got == e.text
	}
	m := e.pattern.FindStringSubmatch(got)
	if m == nil {
		return false
	}
	for i, name := range e.pattern.SubexpNames() {
		if name != "" {
			values[name] = m[i]
		}
	}
	return true
}

func TestExpectation(t *testing.T) {
	values := map[string]string{"id": "a.b"}
	for _, c := range []struct {
		want, got string
		match     bool
		kept      string
	}{
		{"data:ok⏎@", "data:ok\n@", true, ""},
		{"data:ok⏎@", "data:ok\n@alice@", false, ""},
		{"${id}", "a.b", true, ""},
		{"${id}", "axb", false, ""},
		{"${id} ${int}", "a.b -1", true, ""},
		{"${id} ${int}", "axb -1", false, ""},
		{"data:${n=int}.", "data:17.", true, "17"},
		{"data:${n=int}.", "data:17,", false, ""},
		{"${n=/[a-c]{2,3}/}d", "abcd", true, "abc"},
		{"${text}⏎@", "one\ntwo\n@", false, ""},
	} {
		delete(values, "n")
		e, err := expectation(c.want, values)
		if err != nil {
			t.Fatal(err)
		}
		if match := e.match(c.got, values); match != c.match || values["n"] != c.kept {
			t.Errorf("%s against %q: got %t and %q", c.want, c.got, match, values["n"])
		}
	}
	if _, err := expectation("${nobody}", values); err == nil {
		t.Error("a value that nobody named was accepted")
	}
}
