package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode"

	"atserver/verbs/wire"
)

const (
	// pageLimit is how many entries of the commit log are asked for at once.
	// Servers send fewer when they are long.
	pageLimit = 1000
	// oldPage is how many entries the servers of 2024 look at for a page, whatever
	// they are asked for. Those that they then leave out do not count: a page may
	// be empty although more follow.
	oldPage = 25
)

// entry is a change as the commit log tells it, with the record as it is now.
type entry struct {
	Key       string    `json:"key"`
	Commit    int64     `json:"commit"`
	Operation string    `json:"operation"` // + value, # metadata, * both, - deleted
	Value     *string   `json:"value,omitempty"`
	Metadata  *metadata `json:"metadata,omitempty"`
}

const deleted = "-"

// lastCommit returns the id of the newest entry that matches, -1 if there is none.
func (s session) lastCommit(ctx context.Context, regex string) (int64, error) {
	line := "stats:3"
	if regex != "" {
		line += ":" + regex
	}
	reply, err := s.Ask(ctx, line)
	if err != nil {
		return 0, fmt.Errorf("ask for the last commit: %w", err)
	}
	var stats []struct{ Value string }
	if json.Unmarshal([]byte(reply), &stats) != nil || len(stats) == 0 {
		return 0, fmt.Errorf("ask for the last commit: %w", wire.ErrUnexpected)
	}
	if stats[0].Value == "null" {
		return -1, nil
	}
	id, err := strconv.ParseInt(stats[0].Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ask for the last commit: %w", wire.ErrUnexpected)
	}
	return id, nil
}

// pages reads the commit log after an id up to another one, or a bit further, in
// its order. No page is empty. Each question goes beyond the one before, so that
// it ends whatever the server says.
func (s session) pages(ctx context.Context, after, last int64, regex string) iter.Seq2[[]entry, error] {
	return func(yield func([]entry, error) bool) {
		for after < last {
			page, err := s.page(ctx, after, regex)
			if err != nil {
				yield(nil, fmt.Errorf("read the commit log after %d: %w", after, err))
				return
			}
			if len(page) == 0 {
				after += oldPage // ids grow by one at least: no entry is jumped over unseen
				continue
			}
			if after = page[len(page)-1].Commit; !yield(page, nil) {
				return
			}
		}
	}
}

var errOrder = errors.New("its entries are not in order")

func (s session) page(ctx context.Context, after int64, regex string) ([]entry, error) {
	line := fmt.Sprintf("sync:from:%d:limit:%d", after, pageLimit)
	if regex != "" {
		line += ":" + regex
	}
	reply, err := s.Ask(ctx, line)
	if err != nil {
		return nil, err
	}
	var changes []struct {
		Key       string `json:"atKey"`
		Value     *string
		Metadata  map[string]string
		Commit    int64 `json:"commitId"`
		Operation string
	}
	if err := json.Unmarshal([]byte(reply), &changes); err != nil {
		return nil, fmt.Errorf("the server sent something else: %w", err)
	}
	page := make([]entry, len(changes))
	for i, c := range changes {
		if c.Commit <= after {
			return nil, errOrder
		}
		after = c.Commit
		page[i] = entry{Key: c.Key, Commit: c.Commit, Operation: c.Operation, Value: c.Value}
		if c.Metadata == nil {
			continue
		}
		m, err := typed(c.Metadata)
		if err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", c.Key, err)
		}
		page[i].Metadata = &m
	}
	return page, nil
}

// checkRegex refuses an expression that would end before its end on the wire.
func checkRegex(regex string) error {
	if strings.ContainsFunc(regex, unicode.IsSpace) {
		return usageError{errors.New("a regular expression cannot hold blanks; \\s matches one")}
	}
	return nil
}
