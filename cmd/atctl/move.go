package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

type moveCmd struct {
	Source         string `arg:"" name:"host:port" help:"The server to move from."`
	SourceCA       string `name:"source-ca" placeholder:"FILE" type:"path" default:"" help:"PEM certificates to trust as to that server. Default: those of the system."`
	NewKeys        string `name:"new-keys" placeholder:"FILE" type:"path" default:"" help:"The key file for the new server. Default: ~/.atsign/keys/@alice_moved_key.atKeys, beside the old one."`
	CRAMSecretFile string `name:"cram-secret-file" placeholder:"FILE" type:"path" default:"" help:"File with the CRAM secret of the new server. Default: asked on the terminal, else standard input."`
	App            string `default:"atctl" help:"Name of the app that the keys are for on the new server (${default})."`
	Device         string `default:"${device}" help:"Name of the device that they are for (${default})."`
	Overwrite      bool   `help:"Replace records that the new server has with another value. Default: leave them alone."`
}

func (c *moveCmd) Help() string {
	return `Copies all that you stored, and the block list, from one server to another: the
one that --server names or the directory knows. Then it reads both sides and
compares them. The old server is only read from.

A new server that is not onboarded yet is onboarded with the keys that you have,
so that all that is encrypted can still be read. Its key file is another one,
because it names another enrollment; the old file stays good for the old server.
Apps have to be enrolled anew.

Run it again after it was interrupted, or to fetch what has been added.`
}

func (c *moveCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	if _, _, err := net.SplitHostPort(c.Source); err != nil {
		return usageError{fmt.Errorf("%q is not of the form host:port", c.Source)}
	}
	keys, passphrase, err := g.unlock(con)
	if err != nil {
		return err
	}
	client, err := g.connect(ctx, atauth.Options{Sign: keys.Sign, Server: c.Source, CAFile: c.SourceCA}, keys)
	if err != nil {
		return fmt.Errorf("the old server: %w", err)
	}
	defer client.Close()
	from := session{client, keys, g.Timeout}
	if err := from.seesAll(ctx); err != nil {
		return err
	}
	done := moved{}
	if keys, done.Keys, err = c.settle(ctx, con, g, keys, passphrase); err != nil {
		return fmt.Errorf("the new server: %w", err)
	}
	return g.stay(ctx, g.options(keys.Sign), keys, func(ctx context.Context, to session) error {
		if err := to.isAnother(ctx, from); err != nil {
			return err
		}
		if err := c.move(ctx, con, from, to, &done); err != nil {
			return err
		}
		return done.report(con, g)
	})
}

var errNotAll = errors.New("the keys of an app cannot move an atSign: use those that it was onboarded with")

// seesAll makes sure that the session is not that of an app that sees a part only.
func (s session) seesAll(ctx context.Context) error {
	info, err := s.info(ctx)
	if err != nil {
		return err
	}
	if granted := info.Apkam.Namespaces; len(granted) > 0 && granted["*"] == "" {
		return fmt.Errorf("%w; these may read %s", errNotAll, console.Rights(granted))
	}
	return nil
}

// isAnother makes sure that nobody takes the old server, to which the directory may
// still point, for the new one. Each server makes a signing key for itself.
func (s session) isAnother(ctx context.Context, old session) error {
	const line = "llookup:public:signing_publickey"
	a, err := s.Ask(ctx, line+string(s.Sign))
	if err == nil {
		var b string
		if b, err = old.Ask(ctx, line+string(s.Sign)); err == nil && a == b {
			return usageError{errors.New("both are the same server: name the new one with --server")}
		}
	}
	if errors.As(err, new(*wire.Error)) { // one has none
		return nil
	}
	return err
}

// move copies and compares. An error ends everything; what went wrong with single
// records is in done.
func (c *moveCmd) move(ctx context.Context, con *console.Console, from, to session, done *moved) error {
	m := console.NewMeter(con, "copying", -1)
	defer m.End()
	carrier, err := to.carry(ctx, c.Overwrite, m.Say)
	if err != nil {
		return err
	}
	for r, err := range from.records(ctx, func(n int) { m.Total = int64(n) }) {
		if err != nil {
			return fmt.Errorf("read the old server: %w", err)
		}
		if err := carrier.take(ctx, r.Key, r); err != nil {
			return err
		}
		m.Add(1)
	}
	if err := carrier.batch.flush(ctx); err != nil {
		return err
	}
	done.Records = carrier.tally
	if done.Blocked, err = moveBlockList(ctx, from, to); err != nil {
		return err
	}
	if done.Enrollments, err = from.others(ctx); err != nil {
		return err
	}
	m.End()
	return done.compare(ctx, console.NewMeter(con, "comparing", m.Total), from, to)
}

// others lists the enrollments of other apps. They cannot be moved: the keys of each
// prove it under an id that the server gave it.
func (s session) others(ctx context.Context) ([]atauth.Enrollment, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	list, err := s.List(ctx, "pending", "approved")
	others := []atauth.Enrollment{}
	for _, e := range list {
		if e.ID != s.keys.Enrollment {
			others = append(others, e)
		}
	}
	return others, err
}
