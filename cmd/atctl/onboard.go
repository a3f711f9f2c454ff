package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

type onboardCmd struct {
	CRAMSecretFile string `name:"cram-secret-file" placeholder:"FILE" type:"path" default:"" help:"File with the CRAM secret. Default: asked on the terminal, else standard input."`
	App            string `default:"atctl" help:"Name of the app that the keys are for (${default})."`
	Device         string `default:"${device}" help:"Name of the device that the keys are for (${default})."`
	Overwrite      bool   `help:"Replace a key file that is there. Its keys are lost."`
}

func (c *onboardCmd) Help() string {
	return `The keys are written to the key file before the secret is used up. When the
key file is there already, an onboarding that broke off after that is finished
with it; no secret is asked for then.`
}

func (c *onboardCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	sign, path, err := g.identity()
	if err != nil {
		return err
	}
	if sign == "" {
		return usageError{errors.New("which atSign? Name it with --atsign")}
	}
	if _, err := os.Lstat(path); err == nil && !c.Overwrite {
		return c.finish(ctx, con, g, path)
	}
	return c.begin(ctx, con, g, sign, path)
}

// finish ends an onboarding whose keys were written before it broke off.
func (c *onboardCmd) finish(ctx context.Context, con *console.Console, g *globals, path string) error {
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	con.Say("going on with the keys in %s", path)
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	if err := atauth.Finish(ctx, g.options(keys.Sign), keys); err != nil {
		if atauth.Refused(err) {
			err = fmt.Errorf("%w: these are not the keys of this server; to make new ones, move the file away", err)
		}
		return err
	}
	return c.done(con, g, keys, path)
}

// begin onboards with new keys.
func (c *onboardCmd) begin(ctx context.Context, con *console.Console, g *globals, sign atkey.Sign, path string) error {
	passphrase, err := g.newPassphrase(con)
	if err != nil {
		return err
	}
	secret, err := enterSecret(con, c.CRAMSecretFile, fmt.Sprintf("CRAM secret of %s: ", sign))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	saved := false
	keys, err := atauth.Onboard(ctx, g.options(sign), string(secret), c.App, c.Device, func(k atauth.Keys) error {
		write := atauth.WriteKeys
		if c.Overwrite {
			write = atauth.ReplaceKeys
		}
		err := write(path, k, passphrase)
		saved = err == nil
		return err
	})
	switch {
	case err == nil:
		return c.done(con, g, keys, path)
	case saved:
		return fmt.Errorf("the keys are in %s, but then: %w; run atctl onboard again to finish", path, err)
	case errors.Is(err, atauth.ErrOnboarded):
		return fmt.Errorf("%s: %w; use the key file that was made then", sign, err)
	}
	return err
}

func (c *onboardCmd) done(con *console.Console, g *globals, keys atauth.Keys, path string) error {
	if g.JSON {
		return con.Print(struct {
			Sign       atkey.Sign `json:"atSign"`
			Enrollment string     `json:"enrollmentId"`
			Keys       string     `json:"keys"`
		}{keys.Sign, keys.Enrollment, path})
	}
	con.Say("%s is onboarded; its keys are in %s\nKeep a copy in a safe place: whoever has that file is %[1]s.", keys.Sign, path)
	return nil
}
