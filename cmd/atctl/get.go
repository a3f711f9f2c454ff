package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

type getCmd struct {
	Key    string `arg:"" help:"name.namespace, or a full key: phone.wavi@bob is what @bob shares with you, public:phone.wavi@bob what he shows to everybody."`
	Public bool   `help:"Read the public value of that name."`
}

func (c *getCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		key, err := parseKey(c.Key, s.Sign, c.Public)
		if err != nil {
			return err
		}
		key = addressed(key, s.Sign)
		record, err := s.lookup(ctx, key)
		if err != nil {
			return err
		}
		value, err := s.open(ctx, key, record)
		if err != nil {
			return err
		}
		if g.JSON {
			return con.Print(found(record, value))
		}
		return con.PrintValue(value)
	})
}

// found is the JSON form of a value; one that is no text is in base64.
func found(record atauth.Record, value []byte) any {
	out := struct {
		Key      string          `json:"key"`
		Value    *string         `json:"value,omitempty"`
		Base64   []byte          `json:"base64,omitempty"`
		Metadata json.RawMessage `json:"metadata"`
	}{Key: record.Key, Metadata: record.Meta}
	if text := string(value); utf8.ValidString(text) {
		out.Value = &text
	} else {
		out.Base64 = value
	}
	return out
}

// lookup asks for a record of the owner's own, for one that somebody shares with the
// owner, or for anybody's public ones.
func (s session) lookup(ctx context.Context, key atkey.Key) (atauth.Record, error) {
	var line string
	switch {
	case key.Scope == atkey.Public && key.Owner != s.Sign && !key.Cached:
		line = "plookup:all:" + key.Name + string(key.Owner)
	case key.Scope == atkey.Public, key.Scope == atkey.Self, key.Scope == atkey.Shared && (key.Owner == s.Sign || key.Cached):
		line = "llookup:all:" + key.String()
	case key.Scope == atkey.Shared && key.SharedWith == s.Sign:
		line = "lookup:all:" + key.Name + string(key.Owner)
	default:
		return atauth.Record{}, usageError{fmt.Errorf("%s is neither your own, nor shared with you, nor public, atctl cannot read it", key)}
	}
	reply, err := s.Ask(ctx, line)
	if err != nil {
		return atauth.Record{}, fmt.Errorf("get %s: %w", key, err)
	}
	var record atauth.Record
	if err := json.Unmarshal([]byte(reply), &record); err != nil {
		return record, fmt.Errorf("get %s: the server sent something else: %w", key, err)
	}
	if record.Data == nil {
		return record, notFoundError{fmt.Errorf("get %s: %w", key, errNoValue)}
	}
	return record, nil
}

var errNoValue = errors.New("the record has no value now: it has expired, or its time has not come")
