package main

import (
	"context"
	"errors"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

// goOn logs in and has use go on until ctx ends. Once it could log in it does not give
// up: servers are restarted, and laptops closed. every is the shortest pause before
// another try; use calls well whenever it works.
func (g *globals) goOn(ctx context.Context, con *console.Console, keys atauth.Keys, every time.Duration, use func(ctx context.Context, s session, well func()) error) error {
	began, failures := false, 0
	for {
		err := g.stay(ctx, g.options(keys.Sign), keys, func(ctx context.Context, s session) error {
			began = true
			return use(ctx, s, func() { failures = 0 })
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case !began || !mayPass(err, failures):
			return err
		case failures == 0:
			con.Say("%s; trying again", console.Plain(err.Error()))
		}
		pause(ctx, backOff(every, failures))
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
