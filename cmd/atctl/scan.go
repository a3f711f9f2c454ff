package main

import (
	"context"
	"encoding/json"
	"fmt"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type scanCmd struct {
	Regex  string `arg:"" optional:"" help:"List only keys that match this regular expression somewhere."`
	Hidden bool   `help:"List hidden keys too, those that begin with an underscore."`
}

func (c *scanCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	line := "scan"
	if c.Hidden {
		line += ":showHidden:true"
	}
	if c.Regex != "" {
		if err := checkRegex(c.Regex); err != nil {
			return err
		}
		line += " " + c.Regex
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		reply, err := s.Ask(ctx, line)
		if err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		keys := []string{}
		if err := json.Unmarshal([]byte(reply), &keys); err != nil {
			return fmt.Errorf("scan: the server sent no list: %w", err)
		}
		if g.JSON {
			return con.Print(keys)
		}
		if len(keys) == 0 {
			con.Say("no keys")
			return nil
		}
		rows := make([][]string, len(keys))
		for i, text := range keys {
			rows[i] = []string{text, "?"}
			if key, err := atkey.Parse(text); err == nil {
				rows[i][1] = scope(key, s.Sign)
			}
		}
		return con.Table([]string{"KEY", "SCOPE"}, rows)
	})
}
