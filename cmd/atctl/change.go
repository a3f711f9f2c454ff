package main

import (
	"context"
	"fmt"
	"strconv"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

// change sends a command that changes a record and reports what was done to it.
func (s session) change(ctx context.Context, con *console.Console, g *globals, done string, key atkey.Key, line string) error {
	reply, err := s.Ask(ctx, line)
	if err != nil {
		return err
	}
	commit, err := strconv.ParseInt(reply, 10, 64)
	if err != nil {
		return fmt.Errorf("the server sent no commit id: %w", err)
	}
	if g.JSON {
		return con.Print(struct {
			Key    string `json:"key"`
			Commit int64  `json:"commit"` // -1: not in the commit log
		}{key.String(), commit})
	}
	con.Say("%s %s", done, key)
	return nil
}
