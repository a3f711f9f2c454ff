package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// globals are the flags of every command. An empty path is none.
type globals struct {
	Atsign         string        `short:"a" placeholder:"@alice" help:"Your atSign. Default: the one that the key file names."`
	Keys           string        `placeholder:"FILE" type:"path" default:"" help:"Your key file. Default: ~/.atsign/keys/@alice_key.atKeys."`
	Server         string        `placeholder:"HOST:PORT" help:"Your atServer. Default: the directory is asked."`
	Root           string        `placeholder:"HOST:PORT" default:"root.atsign.org:64" help:"The directory of atSigns (${default})."`
	CA             string        `name:"ca" placeholder:"FILE" type:"path" default:"" help:"PEM certificates to trust. Default: those of the system."`
	Passphrase     bool          `help:"Ask for the passphrase of a key file to be written. One that is to be read asks by itself."`
	PassphraseFile string        `placeholder:"FILE" type:"path" default:"" help:"Take the passphrase of the key file from this file."`
	JSON           bool          `name:"json" help:"Print JSON, for programs."`
	Timeout        time.Duration `default:"30s" help:"Longest time to spend with the server, or for commands that take long with each of its answers (${default})."`
}

const keysSuffix = "_key.atKeys"

// identity returns the atSign and the path of its key file, from either flag. The
// atSign is empty when neither tells it.
func (g *globals) identity() (sign atkey.Sign, path string, err error) {
	text := g.Atsign
	if name, found := strings.CutSuffix(filepath.Base(g.Keys), keysSuffix); text == "" && found {
		text = name
	}
	if text != "" {
		if sign, err = atkey.ParseSign(text); err != nil {
			return "", "", usageError{fmt.Errorf("%q is no atSign: %w", text, err)}
		}
	}
	if g.Keys != "" {
		return sign, g.Keys, nil
	}
	if sign == "" {
		return "", "", usageError{errors.New("whose keys? Name your atSign with --atsign, or a key file with --keys")}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", "", err
	}
	return sign, filepath.Join(home, ".atsign", "keys", string(sign)+keysSuffix), nil
}

// readKeys reads the key file and returns keys that name their atSign.
func (g *globals) readKeys(con *console.Console) (atauth.Keys, error) {
	keys, _, err := g.unlock(con)
	return keys, err
}

// unlock is readKeys that also returns the passphrase of the file, nil if it has
// none.
func (g *globals) unlock(con *console.Console) (keys atauth.Keys, passphrase []byte, err error) {
	sign, path, err := g.identity()
	if err != nil {
		return keys, nil, err
	}
	keys, err = atauth.ReadKeys(path, func() ([]byte, error) {
		passphrase, err = g.passphrase(con, path)
		return passphrase, err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return keys, nil, fmt.Errorf("there is no key file %s: onboard first, or name the file with --keys", path)
	case err != nil:
		return keys, nil, err
	case keys.Sign != "" && g.Atsign == "": // the file knows better than its name
		sign = keys.Sign
	case keys.Sign != "" && keys.Sign != sign:
		return keys, nil, usageError{fmt.Errorf("%s holds the keys of %s, not of %s", path, keys.Sign, sign)}
	}
	if sign == "" {
		return keys, nil, usageError{fmt.Errorf("%s does not say whose keys it holds: add --atsign", path)}
	}
	keys.Sign = sign
	return keys, passphrase, nil
}

// options say how to reach the server of sign.
func (g *globals) options(sign atkey.Sign) atauth.Options {
	return atauth.Options{Sign: sign, Server: g.Server, Directory: g.Root, CAFile: g.CA}
}

// session is a connection that is logged in, with the keys that did it.
type session struct {
	*atauth.Client
	keys    atauth.Keys
	timeout time.Duration // of each question
}

// Ask is Client.Ask, bounded in time whatever ctx allows.
func (s session) Ask(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.Client.Ask(ctx, line)
}

// login reads the keys, logs in and calls do. The timeout covers what is said to
// the server, not the time that a person takes to type a passphrase.
func (g *globals) login(ctx context.Context, con *console.Console, do func(context.Context, session) error) error {
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	return g.with(ctx, keys, do)
}

// with is login for keys that have been read.
func (g *globals) with(ctx context.Context, keys atauth.Keys, do func(context.Context, session) error) error {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	return g.stay(ctx, g.options(keys.Sign), keys, do)
}

// stay is with for work that takes as long as it takes: the timeout is that of each
// question, the login being the first.
func (g *globals) stay(ctx context.Context, o atauth.Options, keys atauth.Keys, do func(context.Context, session) error) error {
	client, err := g.connect(ctx, o, keys)
	if err != nil {
		return err
	}
	defer client.Close()
	return do(ctx, session{client, keys, g.Timeout})
}

// longestReply is the longest value, with every character of it escaped, and what
// stands around it.
const longestReply = 6*wire.MaxLine + 1<<20

// connect dials and logs in.
func (g *globals) connect(ctx context.Context, o atauth.Options, keys atauth.Keys) (*atauth.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	client, err := atauth.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	client.MaxReply = longestReply
	if err := client.Authenticate(ctx, keys); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}
