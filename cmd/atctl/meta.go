package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type metaCmd struct {
	Key       string         `arg:"" help:"name.namespace, or a full key."`
	Public    bool           `help:"The public value of that name."`
	TTL       *time.Duration `name:"ttl" placeholder:"1h30m" help:"Let the value live that long from now; 0 for ever."`
	TTB       *time.Duration `name:"ttb" placeholder:"1h30m" help:"Let the value be born after that time; 0 at once."`
	TTR       *refresh       `name:"ttr" placeholder:"1h30m" help:"Let others keep a copy, to be renewed after that time; -1 never."`
	CCD       *bool          `name:"ccd" negatable:"" help:"Have the copies of others deleted with the value."`
	Immutable bool           `help:"Refuse every later change."`
}

func (c *metaCmd) Help() string {
	return `Shows the metadata of a value. With any of the flags that change them it changes
them, and leaves the value and the rest as they are.`
}

// refresh is a ttr: whole seconds, or -1 for ever.
type refresh int64

func (r *refresh) UnmarshalText(text []byte) error {
	if string(text) == "-1" {
		*r = -1
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second || d%time.Second != 0 {
		return errors.New("must be whole seconds, as in 1h30m, or -1 for never")
	}
	*r = refresh(d / time.Second)
	return nil
}

func (c *metaCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		key, err := parseKey(c.Key, s.Sign, c.Public)
		if err != nil {
			return err
		}
		key = addressed(key, s.Sign)
		now, err := s.metadata(ctx, key)
		if err == nil {
			if wanted, _ := change.fragments(); wanted == "" {
				return showMetadata(con, g, now)
			}
			err = s.changeMetadata(ctx, con, g, key, now, change)
		}
		if err != nil {
			return fmt.Errorf("metadata of %s: %w", key, err)
		}
		return nil
	})
}

// change is what the flags say.
func (c *metaCmd) change() (m metadata, err error) {
	for _, f := range []struct {
		flag string
		d    *time.Duration
		to   **int64
	}{{"--ttl", c.TTL, &m.TTL}, {"--ttb", c.TTB, &m.TTB}} {
		if f.d == nil {
			continue
		}
		if err := wholeMillis(f.flag, *f.d); err != nil {
			return m, err
		}
		ms := f.d.Milliseconds()
		*f.to = &ms
	}
	m.TTR, m.CCD = (*int64)(c.TTR), c.CCD
	if c.Immutable {
		m.Immutable = &c.Immutable
	}
	return m, nil
}

// metadata asks for those of a record on the owner's server, of one that somebody
// shares with the owner, or of anybody's public one.
func (s session) metadata(ctx context.Context, key atkey.Key) (json.RawMessage, error) {
	line := "llookup:meta:" + key.String()
	switch {
	case key.Owner == s.Sign, key.Cached:
	case key.Scope == atkey.Public:
		line = "plookup:meta:" + key.Name + string(key.Owner)
	case key.Scope == atkey.Shared && key.SharedWith == s.Sign:
		line = "lookup:meta:" + key.Name + string(key.Owner)
	default:
		return nil, usageError{errors.New("it is on the server of somebody else, neither shared with you nor public")}
	}
	reply, err := s.Ask(ctx, line)
	switch {
	case err != nil:
		return nil, err
	case reply == "null":
		return nil, notFoundError{errNoValue}
	}
	return json.RawMessage(reply), nil
}

func showMetadata(con *console.Console, g *globals, now json.RawMessage) error {
	if g.JSON {
		return con.Print(now)
	}
	return con.Table([]string{"NAME", "VALUE"}, appendMembers(nil, 0, now))
}

// changeMetadata changes those of a record. It must be there: the server would make
// one without a value. And it must be told again how the value is encoded, for what
// it is not told it takes for false.
func (s session) changeMetadata(ctx context.Context, con *console.Console, g *globals, key atkey.Key, now json.RawMessage, change metadata) error {
	if key.Owner != s.Sign || key.Cached || key.Scope == atkey.Server {
		return usageError{errors.New("atctl changes only your own records")}
	}
	var old metadata
	if err := json.Unmarshal(now, &old); err != nil {
		return fmt.Errorf("the server sent something else: %w", err)
	}
	change.IsBinary, change.IsEncrypted = old.IsBinary, old.IsEncrypted
	fragments, _ := change.fragments()
	return s.change(ctx, con, g, "changed the metadata of", key, "update:meta:"+key.String()+fragments)
}
