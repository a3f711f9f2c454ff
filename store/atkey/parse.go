package atkey

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrInvalid is returned for a text that has none of the shapes of a key.
var ErrInvalid = errors.New("not a valid key")

// Parse reads a key in any spelling. The only error is ErrInvalid. Lengths are
// not judged here: see Key.Length.
func Parse(text string) (Key, error) {
	s := fold(text)
	switch {
	case strings.HasPrefix(s, "privatekey:"):
		if !isPrivateKeyName(s[len("privatekey:"):]) {
			return Key{}, ErrInvalid
		}
		return Key{Scope: Server, Name: s}, nil
	case s == "configkey":
		return Key{Scope: Server, Name: s}, nil
	case strings.HasPrefix(s, "_") && !strings.Contains(s, "@"):
		if !all(s[1:], isNameRune) {
			return Key{}, ErrInvalid
		}
		return Key{Scope: Server, Name: s}, nil
	}
	var k Key
	s, k.Cached = strings.CutPrefix(s, "cached:")
	rest, found := s, false
	for _, p := range []struct {
		text  string
		scope Scope
	}{{"public:", Public}, {"private:", Private}, {"local:", Local}} {
		if rest, found = strings.CutPrefix(s, p.text); found {
			k.Scope = p.scope
			break
		}
	}
	if strings.HasPrefix(rest, "@") {
		if found && k.Scope != Private {
			return Key{}, ErrInvalid
		}
		with, after, ok := strings.Cut(rest, ":")
		sign, err := signInKey(with)
		if !ok || err != nil {
			return Key{}, ErrInvalid
		}
		k.SharedWith, rest = sign, after
		if !found {
			k.Scope = Shared
		}
	}
	if k.Cached && k.Scope != Public && k.Scope != Shared {
		return Key{}, ErrInvalid
	}
	at := strings.IndexByte(rest, '@')
	if at < 0 || !all(rest[:at], isNameRune) {
		return Key{}, ErrInvalid
	}
	owner, err := signInKey(rest[at:])
	if err != nil {
		return Key{}, ErrInvalid
	}
	k.Name, k.Owner = rest[:at], owner
	return k, nil
}

// signInKey parses an atSign that is part of a key, where fewer characters are
// allowed than in an atSign of its own.
func signInKey(text string) (Sign, error) {
	if body, ok := strings.CutPrefix(text, "@"); ok && len(body) <= MaxSign && all(body, isBodyRune) {
		return Sign(text), nil // canonical already, the usual case
	}
	sign, err := ParseSign(text)
	if err != nil || !all(sign.Bare(), isBodyRune) {
		return "", ErrInvalid
	}
	return sign, nil
}

// fold brings a typed key to lower case without blanks, without allocating when
// there is nothing to do.
func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c <= ' ' || c >= 'A' && c <= 'Z' {
			return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "")
		}
	}
	return s
}
