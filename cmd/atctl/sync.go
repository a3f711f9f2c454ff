package main

import (
	"context"
	"errors"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/verbs/wire"
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
	began, failures := false, 0
	follow := func(ctx context.Context, s session) error {
		began = true
		for {
			if err := m.catchUp(ctx, s); err != nil || !c.Follow {
				return err
			}
			failures = 0
			if err := pause(ctx, c.Every); err != nil {
				return err
			}
		}
	}
	for {
		err := g.stay(ctx, g.options(keys.Sign), keys, follow)
		switch {
		case c.Follow && ctx.Err() != nil:
			return nil
		case !c.Follow || !began || !mayPass(err, failures):
			return err
		case failures == 0:
			con.Say("%s; trying again", console.Plain(err.Error()))
		}
		pause(ctx, backOff(c.Every, failures))
		failures++
	}
}

// mayPass reports whether it is worth another try. What nobody asked for is the last
// word of a server that ends a connection: the next login tells why.
func mayPass(err error, failures int) bool {
	return atauth.Unreached(err) || errors.Is(err, wire.ErrUnexpected) && failures == 0
}

// longestPause bounds how long a server that cannot be reached is left alone, unless
// it is asked less often anyway.
const longestPause = time.Minute

// backOff doubles the pause with each failure.
func backOff(every time.Duration, failures int) time.Duration {
	return max(every, min(every<<min(failures, 16), longestPause))
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
