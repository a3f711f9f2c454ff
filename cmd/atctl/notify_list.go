package main

import (
	"context"
	"encoding/json"
	"fmt"

	"atserver/cmd/console"
)

type notifyListCmd struct {
	Regex string `arg:"" optional:"" help:"Only those whose key or sender matches this regular expression somewhere."`
}

func (c *notifyListCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	if err := checkListRegex(c.Regex); err != nil {
		return err
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		list, err := s.notifications(ctx, c.Regex)
		if err != nil {
			return err
		}
		rows, lines := make([][]string, len(list)), make([]json.RawMessage, len(list))
		for i, n := range list {
			plain, err := s.plain(ctx, n)
			if err != nil {
				return err
			}
			rows[i] = n.cells(plain)
			if lines[i], err = n.withPlain(plain); err != nil {
				return err
			}
		}
		if g.JSON {
			return con.Print(lines)
		}
		if len(rows) == 0 {
			con.Say("no notifications")
			return nil
		}
		return con.Table([]string{"TIME", "FROM", "KEY", "VALUE"}, rows)
	})
}

// notifications lists what the owner was notified of and has not expired.
func (s session) notifications(ctx context.Context, regex string) (list []notification, err error) {
	line := "notify:list"
	if regex != "" {
		line += ":" + regex
	}
	reply, err := s.Ask(ctx, line)
	if err == nil {
		err = json.Unmarshal([]byte(reply), &list) // null when there is none
	}
	if err != nil {
		return nil, fmt.Errorf("list the notifications: %w", err)
	}
	return list, nil
}
