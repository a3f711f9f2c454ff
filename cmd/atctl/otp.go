package main

import (
	"context"
	"errors"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

type otpCmd struct {
	TTL time.Duration `name:"ttl" placeholder:"DURATION" help:"How long the passcode is good. Default: 5m; with --set until it is replaced."`
	Set bool          `help:"Set a passcode of your own, for more than one use: asked on the terminal, else read from standard input."`
}

func (c *otpCmd) Help() string {
	return `Give the passcode to the app or the device that is to ask for access: it shows
that the request is one that you expect. It lets nobody in; that you do with
atctl enroll approve.`
}

func (c *otpCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	if err := wholeMillis("--ttl", c.TTL); err != nil {
		return err
	}
	var code []byte
	var err error
	if c.Set {
		if code, err = enterSecret(con, "", "New passcode: "); err != nil {
			return err
		}
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		if c.Set {
			err := s.SetPasscode(ctx, string(code), c.TTL)
			if errors.Is(err, atauth.ErrPasscodeForm) {
				err = usageError{err}
			}
			if err != nil {
				return err
			}
			return c.done(con, g, "")
		}
		code, err := s.OTP(ctx, c.TTL)
		if err != nil {
			return err
		}
		return c.done(con, g, code)
	})
}

// done prints the passcode, unless it is one that the caller knows.
func (c *otpCmd) done(con *console.Console, g *globals, code string) error {
	if g.JSON {
		return con.Print(struct {
			OTP string `json:"otp,omitempty"`
			TTL int64  `json:"ttl,omitempty"` // ms, as asked for
		}{code, c.TTL.Milliseconds()})
	}
	if code == "" {
		con.Say("the passcode is set")
		return nil
	}
	return con.PrintValue([]byte(code + "\n"))
}
