package console

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Console is where a command reads and writes.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Ask      func(prompt string) ([]byte, error) // asks a person, without echo
	Confirm  func(question string) (bool, error) // asks a person for y, or anything else for no

	Typed   bool // In is a terminal
	Shown   bool // Out is a terminal
	Width   int  // of that terminal, in columns
	Colour  bool // Out may be coloured
	Watched bool // Err is a terminal
	Alarm   bool // Err may be coloured
}

// Terminal is the console of the process.
func Terminal() *Console {
	con := &Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Ask: askTerminal, Confirm: confirmTerminal}
	con.Typed = term.IsTerminal(int(os.Stdin.Fd()))
	plain := os.Getenv("NO_COLOR") != "" // https://no-color.org
	con.Watched = term.IsTerminal(int(os.Stderr.Fd()))
	con.Alarm = con.Watched && !plain
	if con.Shown = term.IsTerminal(int(os.Stdout.Fd())); con.Shown {
		con.Colour = !plain
		con.Width, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	return con
}

// Say tells a person something that is no data.
func (con *Console) Say(format string, args ...any) {
	fmt.Fprintf(con.Err, format+"\n", args...)
}

// Print writes value as indented JSON.
func (con *Console) Print(value any) error {
	e := json.NewEncoder(con.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// PrintValue writes a value as it is. On a terminal it ends with a line feed and
// cannot play tricks: control characters show as what they are.
func (con *Console) PrintValue(value []byte) error {
	if con.Shown {
		text := Tame(string(value))
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		value = []byte(text)
	}
	_, err := con.Out.Write(value)
	return err
}

// Tame makes control characters and bytes that are no text visible.
func Tame(text string) string {
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
