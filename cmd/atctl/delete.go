package main

import (
	"context"
	"errors"
	"fmt"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type deleteCmd struct {
	Key    string `arg:"" help:"name.namespace, or a full key."`
	Public bool   `help:"Delete the public value of that name."`
}

func (c *deleteCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		key, err := parseKey(c.Key, s.Sign, c.Public)
		if err != nil {
			return err
		}
		if key.Owner != s.Sign && !key.Cached || key.Scope == atkey.Server {
			return usageError{errors.New("atctl deletes only your own records and cached copies")}
		}
		// Asked for first, because to a server deleting what is not there is no mistake.
		if _, err = s.Ask(ctx, "llookup:meta:"+key.String()); err == nil {
			err = s.change(ctx, con, g, "deleted", key, "delete:"+key.String())
		}
		if err != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
		return nil
	})
}
