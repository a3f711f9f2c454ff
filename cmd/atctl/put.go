package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

type putCmd struct {
	Key    string         `arg:"" help:"name.namespace, or a full key."`
	Value  string         `arg:"" optional:"" help:"The value. - or nothing: standard input, to its last byte."`
	Public bool           `help:"For everybody to read, signed. Default: for yourself only, encrypted."`
	TTL    *time.Duration `name:"ttl" placeholder:"1h30m" help:"How long the value lives; 0 for ever. Default: as before, or for ever."`
	TTB    *time.Duration `name:"ttb" placeholder:"1h30m" help:"How long until the value is born; 0 at once. Default: as before, or at once."`
}

func (c *putCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	lifetime, err := lifetime(c.TTL, c.TTB)
	if err != nil {
		return err
	}
	value, err := enteredValue(con, c.Value)
	if err != nil {
		return err
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		key, err := parseKey(c.Key, s.Sign, c.Public)
		if err != nil {
			return err
		}
		line, err := s.update(ctx, key, value, lifetime)
		if err == nil {
			err = s.change(ctx, con, g, "stored", key, line)
		}
		if err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
		return nil
	})
}

// enteredValue returns what is to be stored: an argument, or what is on standard input.
func enteredValue(con *console.Console, arg string) ([]byte, error) {
	switch {
	case arg != "" && arg != "-":
		return []byte(arg), nil
	case arg == "" && con.Typed:
		return nil, usageError{errors.New("what value? Give it as an argument, or - to type it")}
	}
	value, err := io.ReadAll(con.In)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return value, nil
}

// lifetime renders the two durations as metadata fragments, in milliseconds.
func lifetime(ttl, ttb *time.Duration) (string, error) {
	var out strings.Builder
	for _, f := range []struct {
		name string
		d    *time.Duration
	}{{"ttl", ttl}, {"ttb", ttb}} {
		if f.d == nil {
			continue
		}
		if err := wholeMillis("--"+f.name, *f.d); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, ":%s:%d", f.name, f.d.Milliseconds())
	}
	return out.String(), nil
}

// wholeMillis refuses a duration that the protocol cannot carry.
func wholeMillis(flag string, d time.Duration) error {
	if d < 0 || d%time.Millisecond != 0 {
		return usageError{fmt.Errorf("%s must be whole milliseconds and not negative", flag)}
	}
	return nil
}

// update returns the command that stores a value.
func (s session) update(ctx context.Context, key atkey.Key, value []byte, lifetime string) (line string, err error) {
	if !own(key, s.Sign) {
		return "", usageError{errors.New("atctl put writes only your own values and public ones; atctl share those for others")}
	}
	write := s.keys.Seal
	if key.Scope == atkey.Public {
		write = s.keys.Publish
	}
	v, err := write(value)
	if errors.Is(err, atauth.ErrEmpty) {
		return "", usageError{err}
	}
	if err != nil {
		return "", err
	}
	stale, err := s.stale(ctx, key, v)
	if err != nil {
		return "", err
	}
	return "update" + lifetime + v.Fragments + stale + ":" + key.String() + " " + v.Text, nil
}

// stale returns the fragments that clear what an older value left in its metadata:
// the server keeps every field that an update does not mention, and a reader would
// decode the new value by the rules of the old one.
func (s session) stale(ctx context.Context, key atkey.Key, v atauth.Value) (string, error) {
	reply, err := s.Ask(ctx, "llookup:meta:"+key.String())
	if atauth.NotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var meta map[string]any // null when the record has no value
	if err := json.Unmarshal([]byte(reply), &meta); err != nil {
		return "", fmt.Errorf("read its metadata: %w", err)
	}
	var out strings.Builder
	for _, field := range []string{
		"dataSignature", "sharedKeyEnc", "pubKeyCS", "encoding", "encKeyName", "encAlgo", "skeEncKeyName", "skeEncAlgo",
	} {
		if meta[field] != nil && !strings.Contains(v.Fragments, ":"+field+":") {
			out.WriteString(":" + field + ":null")
		}
	}
	return out.String(), nil
}
