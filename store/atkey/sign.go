package atkey

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSign is the longest body of an atSign, in code points, "@" not counted.
const MaxSign = 55

// Sign is an atSign in canonical form: "@" and a body in lower case without
// dots. The zero value means "no atSign".
type Sign string

// Bare returns the body without its "@", the form that directories are asked in.
func (s Sign) Bare() string { return strings.TrimPrefix(string(s), "@") }

// Clone returns the same atSign in memory of its own.
func (s Sign) Clone() Sign { return Sign(strings.Clone(string(s))) }

// SignError says why a text is no atSign. Its message is the protocol's own.
type SignError struct{ Reason string }

func (e *SignError) Error() string { return "invalid @sign: " + e.Reason }

const forbiddenInSign = "!*'`();:&=+$,/?#[]{}"

// ParseSign folds a typed atSign: lower case, a leading "@" added where it is
// missing, dots dropped. The error is a *SignError.
func ParseSign(text string) (Sign, error) {
	body := strings.TrimPrefix(strings.ToLower(text), "@")
	if strings.Contains(body, "@") {
		return "", &SignError{"Cannot Contain more than one @ character"}
	}
	body = strings.ReplaceAll(body, ".", "")
	if body == "" {
		return "", &SignError{"must include one @ character and at least one character on the right"}
	}
	for _, r := range body {
		switch {
		case unicode.IsSpace(r):
			return "", &SignError{"Cannot Contain whitespace characters"}
		case isControl(r):
			return "", &SignError{"must not include control characters"}
		case strings.ContainsRune(forbiddenInSign, r):
			return "", &SignError{"Cannot contain " + forbiddenInSign + " characters"}
		}
	}
	if utf8.RuneCountInString(body) > MaxSign {
		return "", &SignError{"must not be longer than 55 characters"}
	}
	return Sign("@" + body), nil
}

// isControl covers the control characters, the pictures that stand for them,
// and bytes that are no text at all.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError ||
		r >= 0x2400 && r <= 0x2421 || r == 0x2424 || r == 0x2425
}
