package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"atserver/cmd/console"
	"atserver/server/backup"
	"atserver/store"
)

// backupCmd makes copies.
type backupCmd struct {
	operatorFlags
	To             string        `required:"" placeholder:"FILE|DIR" help:"File to write, or folder to add a copy to."`
	Incremental    bool          `help:"Copy what changed since the newest copy in the folder only, or everything where that cannot be."`
	Every          time.Duration `placeholder:"DURATION" help:"The same, so often, until interrupted."`
	Keep           int           `placeholder:"N" help:"Then remove all but the newest N copies of everything from the folder, with their increments (keep all)."`
	Recipient      []string      `sep:"none" placeholder:"age1…" help:"Encrypt the copy to this recipient of age; may be repeated."`
	RecipientsFile string        `name:"recipients-file" placeholder:"FILE" help:"The same: a recipient a line."`
	Root           string        `name:"root-secret-file" env:"ATSERVER_ROOT_SECRET_FILE" placeholder:"FILE" help:"Root secret of a server that does not run (root.secret in the data folder)."`
}

func (c *backupCmd) Help() string {
	return `The copy is of one moment, and holds everything that a server needs, its root
secret included: who can read it has all of it, so name recipients, or keep it as
well as the data folder. It does not hold a certificate that was given by --cert.`
}

// Run makes a copy, or one after the other.
func (c *backupCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	con := console.Terminal()
	if err := c.readRecipients(); err != nil {
		return err
	}
	info, err := os.Stat(c.To)
	isFolder := err == nil && info.IsDir() || strings.HasSuffix(c.To, "/")
	chained := c.Incremental || c.Every > 0 || c.Keep > 0
	switch {
	case err == nil && !info.IsDir() && chained:
		return fmt.Errorf("%s is a file: increments and --keep need a folder", c.To)
	case !isFolder && !chained:
		made, err := backup.WriteFile(ctx, c.To, c.copier(ctx, con, nil), func(backup.Checked) error { return nil })
		if err == nil {
			c.tell(con, made)
		}
		return interrupted(ctx, err)
	case c.Every > 0:
		return c.repeat(ctx, con)
	}
	_, err = c.add(ctx, con, c.Incremental, nil)
	return interrupted(ctx, err)
}

func (c *backupCmd) readRecipients() error {
	if c.RecipientsFile == "" {
		return nil
	}
	raw, err := os.ReadFile(c.RecipientsFile)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			c.Recipient = append(c.Recipient, line)
		}
	}
	if len(c.Recipient) == 0 {
		return fmt.Errorf("%s names no recipient", c.RecipientsFile)
	}
	return nil
}

// repeat adds increments until ctx ends. What goes wrong is told, and tried again.
func (c *backupCmd) repeat(ctx context.Context, con *console.Console) error {
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	var newest *backup.Checked
	said := ""
	for {
		made, err := c.add(ctx, con, true, newest)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			newest, said = made, ""
		case err.Error() != said:
			said = err.Error()
			con.Say("no copy was made, to be tried again: %s", said)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// add adds a copy to the folder, or none when nothing has changed, and returns the
// newest one. known may be what was the newest so far.
func (c *backupCmd) add(ctx context.Context, con *console.Console, incremental bool, known *backup.Checked) (*backup.Checked, error) {
	shelf := backup.Shelf(c.To)
	var base *backup.Checked
	var err error
	if incremental {
		if base, err = shelf.Base(ctx, known); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			con.Say("%v; everything is copied instead", err)
			base = nil
		}
	}
	if base != nil && base.Encrypted && len(c.Recipient) == 0 {
		return nil, fmt.Errorf("%s is encrypted: name a recipient for what follows it, too", base.Path)
	}
	made, err := shelf.Add(ctx, base == nil, c.copier(ctx, con, base))
	switch {
	case errors.Is(err, backup.ErrUnchanged):
		if c.Every == 0 {
			con.Say("%v", err)
		}
		return base, nil
	case errors.Is(err, store.ErrUnmarked):
		con.Say("%v; everything is copied instead", err)
		base = nil
		made, err = shelf.Add(ctx, true, c.copier(ctx, con, nil))
	}
	if err != nil {
		return nil, err
	}
	c.tell(con, made)
	if c.Keep > 0 && base == nil {
		_, err = shelf.Prune(c.Keep)
	}
	return &made, err
}

func (c *backupCmd) tell(con *console.Console, made backup.Checked) {
	fmt.Fprintln(con.Out, made.Path)
	if !made.Encrypted && made.Parent == "" {
		con.Say("it is not encrypted and holds the root secret: keep it as safe as the data folder")
	}
}

// copier writes a copy that the running server makes, or that is made of the data of
// one that does not run.
func (c *backupCmd) copier(ctx context.Context, con *console.Console, base *backup.Checked) func(io.Writer) error {
	order := backup.Order{Recipients: c.Recipient}
	if base != nil {
		order.Parent, order.Mark = base.Checksum, base.Mark
	}
	return func(w io.Writer) error {
		m := console.NewMeter(con, "copying", -1)
		m.Bytes = true
		defer m.End()
		w = metered{w, m}
		err := c.fetch(ctx, order, w)
		if notRunning(err) && c.Every == 0 {
			return c.make(order, w)
		}
		return err
	}
}

type metered struct {
	io.Writer
	*console.Meter
}

func (m metered) Write(p []byte) (int, error) {
	m.Add(len(p))
	return m.Writer.Write(p)
}

// notRunning tells whether there is nobody at the operator's socket.
func notRunning(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// fetch has the running server make the copy.
func (c *backupCmd) fetch(ctx context.Context, o backup.Order, w io.Writer) error {
	query := url.Values{"recipient": o.Recipients}
	if o.Parent != "" {
		query.Set("parent", o.Parent)
		query.Set("mark", o.Mark)
	}
	response, err := c.send(ctx, http.MethodPost, "/backup?"+query.Encode())
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusGone {
		return store.ErrUnmarked
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent {
		return backup.ErrUnchanged
	}
	if _, err = io.Copy(w, response.Body); errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the server broke the copy off: its log says why")
	}
	return err
}

// make makes the copy of a server that does not run.
func (c *backupCmd) make(o backup.Order, w io.Writer) error {
	source, err := c.open()
	if err != nil {
		return err
	}
	made, err := source.Begin(o, time.Now())
	if err == nil {
		err = made.Write(w)
	}
	return errors.Join(err, source.DB.Close())
}
