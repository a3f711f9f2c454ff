package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

var (
	// errUndecided and errUnreachable end a wait whose time is up.
	errUndecided   = errors.New("the request is not decided yet")
	errUnreachable = errors.New(atauth.Unreachable)
)

// finish waits for the decision and writes the keys.
func (c *requestCmd) finish(ctx context.Context, con *console.Console, g *globals, p atauth.Pending, path string, passphrase []byte) error {
	if !g.JSON && !con.Shown { // a person has been told
		if _, err := fmt.Fprintln(con.Out, console.Plain(p.Enrollment)); err != nil {
			return err
		}
	}
	keys, err := c.wait(ctx, con, p)
	switch {
	case errors.Is(err, errUndecided) && g.JSON:
		return errors.Join(con.Print(outcome{string(p.Options.Sign), p.Enrollment, "pending", ""}), err)
	case errors.Is(err, console.ErrInterrupted):
		return fmt.Errorf("%w: run the same command again to go on waiting", err)
	case errors.Is(err, atauth.ErrDenied), errors.Is(err, atauth.ErrExpired):
		return errors.Join(err, os.Remove(path+pendingSuffix)) // what it holds is good for nothing
	case err != nil:
		return err
	}
	if err := atauth.WriteKeys(path, keys, passphrase); err != nil {
		return err
	}
	if err := os.Remove(path + pendingSuffix); err != nil {
		return err
	}
	if g.JSON {
		return con.Print(outcome{string(keys.Sign), keys.Enrollment, "approved", path})
	}
	con.Say("%s on %s is let in; its keys are in %s", c.App, c.Device, path)
	return nil
}

// outcome is what became of a request.
type outcome struct {
	Sign       string `json:"atSign"`
	Enrollment string `json:"enrollmentId"`
	Status     string `json:"status"`
	Keys       string `json:"keys,omitempty"` // file
}

// wait waits as long as it may.
func (c *requestCmd) wait(ctx context.Context, con *console.Console, p atauth.Pending) (atauth.Keys, error) {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Wait > 0 {
		defer time.AfterFunc(c.Wait, cancel).Stop()
	}
	show, done := waiting(con)
	defer done()
	up := errUndecided
	keys, err := p.Wait(limited, func(state string) {
		show(state)
		if up = errUndecided; state == atauth.Unreachable {
			up = errUnreachable
		}
		if c.Wait == 0 {
			cancel()
		}
	})
	switch {
	case err == nil || limited.Err() == nil:
		return keys, err
	case ctx.Err() != nil:
		up = console.ErrInterrupted
	}
	return keys, up
}

// waiting shows what is waited for: on a terminal with the time that it has taken,
// until done is called; elsewhere a line whenever it changes.
func waiting(con *console.Console) (progress func(state string), done func()) {
	if !con.Watched {
		last := ""
		return func(state string) {
			if state != last {
				con.Say("%s", state)
			}
			last = state
		}, func() {}
	}
	bar := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(con.Err),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetDescription("asking"),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionClearOnFinish(),
	)
	return bar.Describe, func() { bar.Finish() }
}
