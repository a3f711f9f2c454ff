package verbs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"atserver/store"
)

// fragments is the metadata that a command mentions. What it does not mention is
// nil and stays as it is.
type fragments struct {
	ttl, ttb, ttr                                *int64 // ms, ms, s
	ccd, isBinary, isEncrypted, immutable        *bool
	createdAt, updatedAt, expiresAt, availableAt *time.Time // asserted by the client
	appMetadata                                  []byte
	fault                                        error             // a number is out of range
	texts                                        map[string]string // by fragment name in lower case; "null" clears
}

// textFields are the fragments that hold plain text, by name in lower case.
var textFields = map[string]func(*store.Meta) *string{
	"datasignature": func(m *store.Meta) *string { return &m.DataSignature },
	"sharedkeyenc":  func(m *store.Meta) *string { return &m.SharedKeyEnc },
	"pubkeycs":      func(m *store.Meta) *string { return &m.PubKeyCS },
	"pubkeyhash":    func(m *store.Meta) *string { return &m.PubKeyHash },
	"hashingalgo":   func(m *store.Meta) *string { return &m.HashingAlgo },
	"encoding":      func(m *store.Meta) *string { return &m.Encoding },
	"enckeyname":    func(m *store.Meta) *string { return &m.EncKeyName },
	"encalgo":       func(m *store.Meta) *string { return &m.EncAlgo },
	"ivnonce":       func(m *store.Meta) *string { return &m.IVNonce },
	"skeenckeyname": func(m *store.Meta) *string { return &m.SkeEncKeyName },
	"skeencalgo":    func(m *store.Meta) *string { return &m.SkeEncAlgo },
}

// fragments consumes ":name:value" pairs in any order, as long as the name is a
// known one. Each may be given once.
func (l *line) fragments() (fragments, error) {
	var f fragments
	seen := map[string]bool{}
	for strings.HasPrefix(l.rest, ":") {
		name, after, ok := strings.Cut(l.rest[1:], ":")
		name = strings.ToLower(name)
		if !ok || !isFragment(name) {
			break
		}
		value, rest := after, ""
		if isTimeFragment(name) {
			value, rest = cutTime(after)
		} else if i := strings.IndexByte(after, ':'); i >= 0 {
			value, rest = after[:i], after[i:]
		}
		if seen[name] || value == "" || strings.ContainsAny(value, "@ \t") {
			return f, errSyntax
		}
		seen[name] = true
		if err := f.set(name, value); err != nil {
			return f, err
		}
		l.rest = rest
	}
	return f, nil
}

func isTimeFragment(name string) bool {
	return name == "cat" || name == "uat" || name == "eat" || name == "aat"
}

func isFragment(name string) bool {
	switch name {
	case "ttl", "ttb", "ttr", "ccd", "isbinary", "isencrypted", "immutable", "appmetadata", "sharedkeystatus":
		return true
	}
	return isTimeFragment(name) || textFields[name] != nil
}

func (f *fragments) set(name, value string) (err error) {
	switch name {
	case "ttl":
		f.ttl, err = f.inRange(integer(value, 0, "Valid value for TTL should be greater than or equal to 0"))
	case "ttb":
		f.ttb, err = f.inRange(integer(value, 0, "Valid value for TTB should be greater than or equal to 0"))
	case "ttr":
		f.ttr, err = f.inRange(integer(value, -1, "Valid values for TTR are -1 and greater than or equal to 1"))
		if f.ttr != nil && *f.ttr == 0 {
			f.ttr = nil // as if it were not given
		}
	case "ccd":
		f.ccd, err = truth(value)
	case "isbinary":
		f.isBinary, err = truth(value)
	case "isencrypted":
		f.isEncrypted, err = truth(value)
	case "immutable":
		f.immutable, err = truth(value)
	case "cat":
		f.createdAt, err = instant(value)
	case "uat":
		f.updatedAt, err = instant(value)
	case "eat":
		f.expiresAt, err = instant(value)
	case "aat":
		f.availableAt, err = instant(value)
	case "appmetadata":
		f.appMetadata, err = appMetadata(value)
	case "sharedkeystatus": // accepted and not kept, as ever
	default:
		if f.texts == nil {
			f.texts = map[string]string{}
		}
		f.texts[name] = value
	}
	return err
}

// maxLifetime keeps sums of lifetimes and dates in range: 10,000 years in ms.
const maxLifetime = 10_000 * 366 * 24 * int64(time.Hour/time.Millisecond)

// inRange keeps an error about the range for later: what a command may do is judged
// before what it says.
func (f *fragments) inRange(n *int64, err error) (*int64, error) {
	if known := (*Error)(nil); errors.As(err, &known) {
		f.fault = err
		return nil, nil
	}
	return n, err
}

// integer reads an optional "-" and digits. What is out of range gets the message.
func integer(value string, least int64, message string) (*int64, error) {
	digits := strings.TrimPrefix(value, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil, errSyntax
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > maxLifetime {
		return nil, syntaxError(message)
	}
	return &n, nil
}

func truth(value string) (*bool, error) {
	var b bool
	switch strings.ToLower(value) {
	case "true":
		b = true
	case "false":
	default:
		return nil, errSyntax
	}
	return &b, nil
}

// cutTime cuts an ISO timestamp off, which holds colons itself.
func cutTime(s string) (value, rest string) {
	if i := strings.IndexAny(s, "zZ"); i >= 0 {
		return s[:i+1], s[i+1:]
	}
	return "", ""
}

func instant(value string) (*time.Time, error) {
	const layout = "2006-01-02T15:04:05Z"
	t, err := time.Parse(layout, strings.ToUpper(value)) // which is lenient with hours and commas
	if seconds := len(layout) - 1; err != nil || value[13] != ':' || value[seconds] == ',' {
		return nil, errSyntax
	}
	if t = t.Truncate(time.Millisecond); t.IsZero() {
		t = t.Add(time.Millisecond) // the zero time means "never" to us
	}
	return &t, nil
}

func appMetadata(value string) ([]byte, error) {
	if value == "null" {
		return []byte{}, nil // clears
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	var compact bytes.Buffer
	if err != nil || json.Compact(&compact, raw) != nil || !bytes.HasPrefix(compact.Bytes(), []byte("{")) || !utf8.Valid(raw) {
		return nil, syntaxError("appMetadata must be base64 of a JSON object")
	}
	return compact.Bytes(), nil
}
