package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"atserver/store/atkey"
)

// mirror prints the commit log and knows how far it came.
type mirror struct {
	out   jsonLines
	regex string
	file  string // that remembers the state; empty: none
	state mirrorState
}

// mirrorState is what is remembered between runs. A commit id says nothing without
// whose log, and which part of it, it belongs to.
type mirrorState struct {
	Sign   atkey.Sign `json:"atsign"`
	Regex  string     `json:"regex,omitempty"`
	Commit int64      `json:"commit"`
}

// outputError is a failure to print or to remember. It hides what it was, lest that
// be taken for a failure of the network.
type outputError struct{ error }

// newMirror begins where the flags, or the file that they name, say.
func newMirror(out io.Writer, sign atkey.Sign, c *syncCmd) (*mirror, error) {
	m := &mirror{out: newJSONLines(out), regex: c.Regex, file: c.State, state: mirrorState{sign, c.Regex, -1}}
	if c.From != nil {
		m.state.Commit = *c.From
	}
	if m.state.Commit < -1 {
		return nil, usageError{errors.New("--from must be a commit id, or -1")}
	}
	old, found, err := recall(c.State, "mirror", func(s mirrorState) atkey.Sign { return s.Sign })
	switch {
	case err != nil:
		return nil, err
	case !found:
	case old.Sign != sign || old.Regex != c.Regex:
		return nil, usageError{fmt.Errorf("%s is the state of another mirror, of %s with the expression %q", c.State, old.Sign, old.Regex)}
	case c.From == nil:
		m.state = old
	}
	return m, nil
}

// catchUp prints what the log has after the last time.
func (m *mirror) catchUp(ctx context.Context, s session) error {
	last, err := s.lastCommit(ctx, m.regex)
	if err != nil {
		return err
	}
	for page, err := range s.pages(ctx, m.state.Commit, last, m.regex) {
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := m.out.Encode(e); err != nil {
				return outputError{err}
			}
		}
		if err := m.out.Flush(); err != nil {
			return outputError{err}
		}
		if err := m.reach(page[len(page)-1].Commit); err != nil {
			return err
		}
	}
	return m.reach(last)
}

// reach remembers that all up to a commit id is printed.
func (m *mirror) reach(commit int64) error {
	if commit <= m.state.Commit {
		return nil
	}
	m.state.Commit = commit
	return remember(m.file, m.state)
}
