package main

import (
	"context"
	"errors"
	"time"

	"atserver/cmd/console"
)

type syncCmd struct {
	Regex  string        `arg:"" optional:"" help:"Only keys that match this regular expression somewhere, and those that encryption needs."`
	From   *int64        `placeholder:"N" help:"Begin after this commit id. Default: -1, the beginning."`
	State  string        `placeholder:"FILE" type:"path" default:"" help:"Go on after what this file remembers, and remember in it how far it came."`
	Follow bool          `short:"f" help:"Go on with what changes later, until interrupted."`
	Every  time.Duration `default:"5s" help:"With --follow: how often to ask for changes (${default})."`
}

func (c *syncCmd) Help() string {
	return `Prints the changes of what you may read as JSON, a change a line, in the order of
their commit ids: key, commit, operation (+ value, # metadata, * both, - deleted),
value as it is stored, metadata. A key that changes often is printed once, as it is
now. Nothing else is printed.`
}

// Run mirrors what there is, and then what comes. Once it could log in, --follow
// does not give up: servers are restarted, and laptops closed.
func (c *syncCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	if err := checkRegex(c.Regex); err != nil {
		return err
	}
	if c.Every <= 0 {
		return usageError{errors.New("--every must be more than nothing")}
	}
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	m, err := newMirror(con.Out, keys.Sign, c)
	if err != nil {
		return err
	}
	if !c.Follow {
		return g.stay(ctx, g.options(keys.Sign), keys, m.catchUp)
	}
	return g.goOn(ctx, con, keys, c.Every, func(ctx context.Context, s session, well func()) error {
		for {
			if err := m.catchUp(ctx, s); err != nil {
				return err
			}
			well()
			if err := pause(ctx, c.Every); err != nil {
				return err
			}
		}
	})
}
