package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"atserver/verbs/wire"
)

// moveBlockList has the new server keep out whom the old one keeps out, and returns
// how many that are.
func moveBlockList(ctx context.Context, from, to session) (int, error) {
	names, err := from.blocked(ctx)
	if err != nil || len(names) == 0 {
		return 0, err
	}
	if _, err := to.Ask(ctx, "config:block:add:"+strings.Join(names, " ")); err != nil {
		return 0, fmt.Errorf("write the block list: %w", err)
	}
	kept, err := to.blocked(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if !slices.Contains(kept, name) {
			return 0, fmt.Errorf("write the block list: %s is not in it", name)
		}
	}
	return len(names), nil
}

// blocked returns the block list.
func (s session) blocked(ctx context.Context) (names []string, err error) {
	reply, err := s.Ask(ctx, "config:block:show")
	if err == nil && json.Unmarshal([]byte(reply), &names) != nil { // null when it is empty
		err = wire.ErrUnexpected
	}
	if err != nil {
		return nil, fmt.Errorf("read the block list: %w", err)
	}
	return names, nil
}
