package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type shareCmd struct {
	Key    string         `arg:"" help:"name.namespace."`
	With   string         `arg:"" placeholder:"@bob" help:"For whom it is to read, besides yourself."`
	Value  string         `arg:"" optional:"" help:"The value. - or nothing: standard input, to its last byte."`
	TTL    *time.Duration `name:"ttl" placeholder:"1h30m" help:"How long the value lives; 0 for ever. Default: as before, or for ever."`
	TTB    *time.Duration `name:"ttb" placeholder:"1h30m" help:"How long until the value is born; 0 at once. Default: as before, or at once."`
	TTR    *refresh       `name:"ttr" placeholder:"1h30m" help:"Let the other server keep a copy, to be renewed after that time; -1 never. Default: as before, or no copy."`
	CCD    *bool          `name:"ccd" negatable:"" help:"Have that copy deleted with the value."`
	NewKey bool           `help:"Make a new key to share with, because the old one is of no use any more. What was shared before has to be shared again."`
}

func (c *shareCmd) Help() string {
	return `The value is encrypted for you and the other atSign, and for nobody else: neither of
the servers can read it. The other one reads it with atctl get KEY@you, and you
with atctl get @bob:KEY.`
}

func (c *shareCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	life, err := lifetime(c.TTL, c.TTB)
	if err != nil {
		return err
	}
	copies, _ := metadata{TTR: (*int64)(c.TTR), CCD: c.CCD}.fragments()
	with, err := parseSign(c.With)
	if err != nil {
		return err
	}
	value, err := enteredValue(con, c.Value)
	if err != nil {
		return err
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		key, err := sharedKey(c.Key, s.Sign, with)
		if err == nil && with == s.Sign {
			err = usageError{errors.New("that is yourself; atctl put stores what is for you")}
		}
		if err != nil {
			return err
		}
		line, err := s.share(ctx, key, value, life+copies, c.NewKey)
		if err == nil {
			err = s.change(ctx, con, g, "shared", key, line)
		}
		if err != nil {
			return fmt.Errorf("share %s: %w", key, err)
		}
		return nil
	})
}

// share returns the command that stores a value for somebody else.
func (s session) share(ctx context.Context, key atkey.Key, value []byte, fragments string, renew bool) (line string, err error) {
	common, err := s.commonKeyWith(ctx, key.SharedWith, renew)
	if err != nil {
		return "", err
	}
	v, err := common.Seal(value)
	if err != nil {
		return "", err
	}
	stale, err := s.stale(ctx, key, v)
	if err != nil {
		return "", err
	}
	return "update" + fragments + v.Fragments + stale + ":" + key.String() + " " + v.Text, nil
}

// parseSign reads the atSign of somebody else.
func parseSign(text string) (atkey.Sign, error) {
	sign, err := atkey.ParseSign(text)
	if err != nil {
		return "", usageError{fmt.Errorf("%q is no atSign: %w", text, err)}
	}
	return sign, nil
}

// sharedKey reads what a person types for a key of the owner's that is for somebody
// else, who may stand in it or not.
func sharedKey(text string, owner, with atkey.Sign) (atkey.Key, error) {
	key, err := parseKey(text, owner, false)
	switch {
	case err != nil:
		return key, err
	case key.Scope == atkey.Self && key.Owner == owner:
		key.Scope, key.SharedWith = atkey.Shared, with
		fallthrough
	case key.Scope == atkey.Shared && key.Owner == owner && key.SharedWith == with && !key.Cached:
		if !isSharedKey(key) {
			return key, nil
		}
	}
	return atkey.Key{}, usageError{fmt.Errorf("%q is no key for %s: write name.namespace", text, with)}
}
