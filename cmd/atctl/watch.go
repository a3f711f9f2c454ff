package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

// watch prints notifications and knows how far it came.
type watch struct {
	out     io.Writer
	json    bool
	every   time.Duration
	file    string // that remembers the state; empty: none
	state   watchState
	asked   int64    // what the server was asked to begin after
	waiting []string // have come and are not printed yet
}

// watchState is what is remembered between runs.
type watchState struct {
	Sign  atkey.Sign `json:"atsign"`
	Regex string     `json:"regex,omitempty"`
	Self  bool       `json:"self,omitempty"`
	Epoch int64      `json:"epochMillis"` // of the last one printed; -1: not known
}

// newWatch begins where the flags, or the file that they name, say.
func newWatch(con *console.Console, asJSON bool, sign atkey.Sign, c *monitorCmd) (*watch, error) {
	w := &watch{out: con.Out, json: asJSON, every: c.Every, file: c.State, state: watchState{sign, c.Regex, c.Self, -1}}
	if c.Since != nil {
		w.state.Epoch = int64(*c.Since)
	}
	old, found, err := recall(c.State, "monitor", func(s watchState) atkey.Sign { return s.Sign })
	switch {
	case err != nil:
		return nil, err
	case !found:
	case old.Sign != sign || old.Regex != c.Regex || old.Self != c.Self:
		return nil, usageError{fmt.Errorf("%s is the state of another monitor, of %s with the expression %q", c.State, old.Sign, old.Regex)}
	case c.Since == nil:
		w.state.Epoch = old.Epoch
	}
	return w, nil
}

// tell prints what waits, and more if it comes meanwhile. What was printed is
// remembered even if the rest fails: that comes again.
func (w *watch) tell(ctx context.Context, s session) error {
	printed := w.state.Epoch
	for len(w.waiting) > 0 {
		event := w.waiting[0]
		w.waiting = w.waiting[1:]
		var n notification
		if err := json.Unmarshal([]byte(event), &n); err != nil {
			return errors.Join(fmt.Errorf("monitor: the server sent something else: %w", err), w.reach(printed))
		}
		if n.ID == statsID || n.EpochMillis <= w.asked {
			continue
		}
		if err := w.print(ctx, s, n); err != nil {
			return errors.Join(err, w.reach(printed))
		}
		printed = max(printed, n.EpochMillis)
	}
	return w.reach(printed)
}

func (w *watch) print(ctx context.Context, s session, n notification) error {
	plain, err := s.plain(ctx, n)
	if err != nil {
		return err
	}
	line := []byte(oneLine(n.cells(plain)))
	if w.json {
		if line, err = n.withPlain(plain); err != nil {
			return err
		}
	}
	if _, err := w.out.Write(append(line, '\n')); err != nil {
		return outputError{err}
	}
	return nil
}

// reach remembers that all up to a time is printed.
func (w *watch) reach(epoch int64) error {
	if epoch <= w.state.Epoch {
		return nil
	}
	w.state.Epoch = epoch
	return remember(w.file, w.state)
}
