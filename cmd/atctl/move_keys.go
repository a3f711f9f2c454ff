package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

// settle returns keys that the new server knows, and the file that they are in: those
// of an earlier run, or the old ones, with which it is onboarded if it is not yet.
func (c *moveCmd) settle(ctx context.Context, con *console.Console, g *globals, old atauth.Keys, passphrase []byte) (keys atauth.Keys, path string, err error) {
	_, oldPath, err := g.identity()
	if err != nil {
		return keys, "", err
	}
	if path = c.NewKeys; path == "" {
		path = filepath.Join(filepath.Dir(oldPath), string(old.Sign)+"_moved"+keysSuffix)
	}
	if _, err := os.Lstat(path); err == nil {
		keys, err = c.resume(ctx, con, g, old, passphrase, path)
		return keys, path, err
	}
	switch onboarded, err := g.onboarded(ctx, old); {
	case err != nil:
		return keys, "", err
	case !onboarded:
		keys, err = c.onboard(ctx, con, g, old, passphrase, path)
		return keys, path, err
	}
	client, err := g.connect(ctx, g.options(old.Sign), old)
	switch {
	case atauth.Refused(err):
		return keys, "", fmt.Errorf("it is onboarded already and does not know these keys (%w): name its key file with --new-keys", err)
	case err != nil:
		return keys, "", err
	}
	return old, oldPath, client.Close()
}

// onboarded asks the new server whether it has had its first keys.
func (g *globals) onboarded(ctx context.Context, keys atauth.Keys) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	client, err := atauth.Dial(ctx, g.options(keys.Sign))
	if err != nil {
		return false, err
	}
	defer client.Close()
	_, err = client.Ask(ctx, "lookup:publickey"+string(keys.Sign))
	if atauth.NotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// onboard makes the old keys the first ones of the new server.
func (c *moveCmd) onboard(ctx context.Context, con *console.Console, g *globals, old atauth.Keys, passphrase []byte, path string) (keys atauth.Keys, err error) {
	if passphrase == nil {
		if passphrase, err = g.newPassphrase(con); err != nil {
			return keys, err
		}
	}
	secret, err := enterSecret(con, c.CRAMSecretFile, fmt.Sprintf("CRAM secret of the new server of %s: ", old.Sign))
	if err != nil {
		return keys, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	keys, err = atauth.OnboardWith(ctx, g.options(old.Sign), old, string(secret), c.App, c.Device, func(k atauth.Keys) error {
		return atauth.WriteKeys(path, k, passphrase)
	})
	if err == nil {
		con.Say("the new server is onboarded; its key file is %s", path)
	}
	return keys, err
}

var errOtherKeys = errors.New("what is encrypted for the keys of the old server cannot be read with them")

// resume reads the key file of the new server, and finishes an onboarding that broke
// off.
func (c *moveCmd) resume(ctx context.Context, con *console.Console, g *globals, old atauth.Keys, passphrase []byte, path string) (atauth.Keys, error) {
	keys, err := atauth.ReadKeys(path, func() ([]byte, error) {
		if passphrase != nil {
			return passphrase, nil
		}
		return g.passphrase(con, path)
	})
	switch {
	case err != nil:
		return keys, err
	case !keys.Encryption.Equal(old.Encryption) || !bytes.Equal(keys.Self, old.Self):
		return keys, fmt.Errorf("%s holds other keys: %w", path, errOtherKeys)
	}
	keys.Sign = old.Sign
	onboarded, err := g.onboarded(ctx, keys)
	if err != nil || onboarded {
		return keys, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	return keys, atauth.Finish(ctx, g.options(keys.Sign), keys)
}
