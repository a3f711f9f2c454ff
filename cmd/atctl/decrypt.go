package main

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// opener returns a function that opens the records of the session: one's own, those
// for others by the key that one has in common with them, and public ones. It
// returns nil for a record that these keys do not open, or that has no value.
func (s session) opener() func(context.Context, record) ([]byte, error) {
	common := map[atkey.Sign]string{} // as encrypted for the owner; "": there is none
	return func(ctx context.Context, r record) ([]byte, error) {
		key, ok := portableKey(r.Key, s.Sign)
		if !ok || r.Value == nil || isSharedKey(key) {
			return nil, nil
		}
		sealed, err := r.sealed()
		if err != nil {
			return nil, err
		}
		open := s.keys.Open
		if key.Scope == atkey.Shared && !forSelf(key, s.Sign) {
			text, known := common[key.SharedWith]
			if !known {
				if text, err = s.commonKey(ctx, key.SharedWith); err != nil {
					return nil, err
				}
				common[key.SharedWith] = text
			}
			open = func(r atauth.Record) ([]byte, error) { return s.openWith(text, r) }
		}
		plain, err := open(sealed)
		if err != nil {
			return nil, nil // which is no fault of the record
		}
		return append([]byte{}, plain...), nil
	}
}

// commonKey returns the owner's copy of the key that they have in common with
// somebody, "" if there is none, or these keys may not read it.
func (s session) commonKey(ctx context.Context, with atkey.Sign) (string, error) {
	text, err := s.Ask(ctx, "llookup:"+s.ownCommonKey(with))
	switch {
	case errors.As(err, new(*wire.Error)):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the key shared with %s: %w", with, err)
	}
	return text, nil
}

// show adds what a record says in the clear.
func (l *exportLine) show(plain []byte) {
	switch {
	case plain == nil:
	case utf8.Valid(plain):
		text := string(plain)
		l.Plain = &text
	default:
		l.PlainBase64 = plain
	}
}
