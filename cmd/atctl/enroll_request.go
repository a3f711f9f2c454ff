package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

type requestCmd struct {
	App      string        `required:"" placeholder:"NAME" help:"Name of the app."`
	Device   string        `default:"${device}" help:"Name of the device (${default})."`
	NS       []string      `name:"ns" placeholder:"NAMESPACE:r|rw" help:"Namespace that the app needs, to read (r) or to read and write (rw); may be repeated."`
	Lifetime time.Duration `placeholder:"DURATION" help:"How long access is needed, from the approval on. Default: until it is revoked."`
	OTPFile  string        `name:"otp-file" placeholder:"FILE" type:"path" default:"" help:"File with the passcode. Default: asked on the terminal, else standard input."`
	Wait     time.Duration `default:"48h" help:"Longest time to wait for the decision (${default}); 0 looks once. Run the same command again to go on."`
}

func (c *requestCmd) Help() string {
	return `The keys are written to ~/.atsign/keys/@alice_APP_DEVICE_key.atKeys, or to the file
that --keys names; other commands use them with --keys. Until the decision they
are in a file beside it that ends in .pending: with it, the same command goes on
after it was interrupted, and no passcode is asked for again.`
}

const pendingSuffix = ".pending"

// Run asks, or goes on with what was asked for before, and waits.
func (c *requestCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	if g.Atsign == "" {
		return usageError{errors.New("access to whose data? Name the atSign with --atsign")}
	}
	sign, path, err := g.identity()
	if err != nil {
		return err
	}
	request, err := c.request()
	if err != nil {
		return err
	}
	if g.Keys == "" {
		path = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s_%s_%s%s", sign, c.App, c.Device, keysSuffix))
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("there is a key file %s already: move it away, or name another with --keys", path)
	}
	begin := c.submit
	if _, err := os.Lstat(path + pendingSuffix); err == nil {
		begin = c.resume
	}
	pending, passphrase, err := begin(ctx, con, g, sign, request, path)
	if err != nil {
		return err
	}
	return c.finish(ctx, con, g, pending, path, passphrase)
}

// request is what the flags ask for.
func (c *requestCmd) request() (atauth.Request, error) {
	r := atauth.Request{App: c.App, Device: c.Device, Namespaces: map[string]string{}, Lifetime: c.Lifetime}
	for flag, name := range map[string]string{"--app": c.App, "--device": c.Device} {
		if name == "" || len(name) > maxName || strings.ContainsFunc(name, isNoName) {
			return r, usageError{fmt.Errorf("%s is 1 to %d letters, digits, dots, dashes and underscores", flag, maxName)}
		}
	}
	for _, text := range c.NS {
		i := strings.LastIndexByte(text, ':')
		if i <= 0 || text[i+1:] != "r" && text[i+1:] != "rw" {
			return r, usageError{fmt.Errorf("--ns %q: say what for, as in todos:rw or notes:r", text)}
		}
		r.Namespaces[text[:i]] = text[i+1:]
	}
	if c.Wait < 0 {
		return r, usageError{errors.New("--wait must not be negative")}
	}
	return r, wholeMillis("--lifetime", c.Lifetime)
}

// resume reads a request that waits since an earlier run. The passphrase is that of
// its file, if it has one.
func (c *requestCmd) resume(_ context.Context, con *console.Console, g *globals, sign atkey.Sign, request atauth.Request, path string) (p atauth.Pending, passphrase []byte, err error) {
	p, err = atauth.ReadPending(path+pendingSuffix, func() ([]byte, error) {
		passphrase, err = g.passphrase(con, path+pendingSuffix)
		return passphrase, err
	})
	if err != nil {
		return p, nil, err
	}
	if len(request.Namespaces) == 0 { // nor need they be repeated
		request.Namespaces, request.Lifetime = p.Request.Namespaces, p.Request.Lifetime
	}
	if p.Options.Sign != sign || !reflect.DeepEqual(p.Request, request) {
		return p, nil, usageError{fmt.Errorf(
			"%s%s holds a %v, which waits for a decision: run that again, or remove the file", path, pendingSuffix, p)}
	}
	p.Options = g.options(sign)
	con.Say("going on with request %s", console.Plain(p.Enrollment))
	if passphrase == nil {
		passphrase, err = g.newPassphrase(con)
	}
	return p, passphrase, err
}

// submit asks for access, and writes down at once what must not be lost.
func (c *requestCmd) submit(ctx context.Context, con *console.Console, g *globals, sign atkey.Sign, request atauth.Request, path string) (p atauth.Pending, passphrase []byte, err error) {
	if len(request.Namespaces) == 0 {
		return p, nil, usageError{errors.New("access to what? Name a namespace with --ns, as in --ns todos:rw")}
	}
	if err := probe(filepath.Dir(path)); err != nil {
		return p, nil, err
	}
	if passphrase, err = g.newPassphrase(con); err != nil {
		return p, nil, err
	}
	otp, err := enterSecret(con, c.OTPFile, fmt.Sprintf("Passcode of %s: ", sign))
	if err != nil {
		return p, nil, err
	}
	request.OTP = string(otp)
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	if p, err = atauth.Submit(ctx, g.options(sign), request); err != nil {
		return p, nil, err
	}
	con.Say("%s is asked to let %s on %s in. The owner does that with\n  atctl enroll approve %s", sign, c.App, c.Device, console.Plain(p.Enrollment))
	if err := atauth.WritePending(path+pendingSuffix, p, passphrase); err != nil {
		return p, nil, fmt.Errorf("the keys for this request could not be kept: %w; ask again, once it is denied", err)
	}
	return p, passphrase, nil
}

// probe fails where no file can be made, before a passcode is used up for keys
// that cannot be kept.
func probe(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".atKeys-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
