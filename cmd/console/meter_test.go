package console

import (
	"bytes"
	"strings"
	"testing"
)

// Only a person who waits long is shown how far it is.
func TestMeter(t *testing.T) {
	for name, c := range map[string]struct {
		watched, long, shown bool
	}{
		"a person waits":   {true, true, true},
		"a person":         {true, false, false},
		"a program":        {false, false, false},
		"a program, waits": {false, true, false},
	} {
		var errs bytes.Buffer
		m := NewMeter(&Console{Err: &errs, Watched: c.watched}, "copying", 2)
		if c.long {
			m.since = m.since.Add(-2 * patience)
		}
		m.Add(1)
		m.Add(5) // more than was thought
		if shown := strings.Contains(errs.String(), "copying"); shown != c.shown {
			t.Errorf("%s: %q", name, errs.String())
		}
		m.Say("%s went wrong", "something")
		if !strings.HasSuffix(errs.String(), "something went wrong\n") {
			t.Errorf("%s: %q", name, errs.String())
		}
		m.End()
		m.End()
	}
}
