package verbs

import (
	"encoding/json"
	"errors"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// The keys verb is where apps keep cryptographic keys. A key belongs to the
// enrollment that put it, and nobody else reads or removes it, managers included.
// The two default keys, which the approver wrapped for an app, are read by the
// same verb under names of their own.

// keysArgs are the arguments of keys:put and keys:get.
type keysArgs struct {
	visibility                          string // "public", "private", "self" or ""
	namespace, app, device              string
	keyType, encryptionKeyName, keyName string
	value                               string
}

// keyRecord is what is stored of a key.
type keyRecord struct {
	Value             string `json:"value"`
	KeyType           string `json:"keyType,omitempty"`
	EnrollmentID      string `json:"enrollmentId"`
	EncryptionKeyName string `json:"encryptionKeyName,omitempty"`
}

// keysArgs consumes the options in their fixed order.
func (l *line) keysArgs() (a keysArgs, err error) {
	l.take(":")
	for _, visibility := range []string{"public", "private", "self"} {
		if l.take(visibility) {
			a.visibility = visibility
			l.take(":")
			break
		}
	}
	for _, option := range []struct {
		name string
		into *string
	}{
		{"namespace:", &a.namespace}, {"appName:", &a.app}, {"deviceName:", &a.device},
		{"keyType:", &a.keyType}, {"encryptionKeyName:", &a.encryptionKeyName},
	} {
		if !l.take(option.name) {
			continue
		}
		word := l.rest
		if i := strings.IndexAny(word, ": "); i >= 0 {
			word = word[:i]
		}
		if *option.into = word; !enroll.IsName(word) {
			return a, illegal("keys: names are 1 to 64 of A-Z a-z 0-9 _ . -")
		}
		l.rest = strings.TrimPrefix(l.rest[len(word):], ":")
	}
	if l.take("keyName:") {
		a.keyName, a.value, _ = strings.Cut(l.all(), " ")
		if a.keyName == "" {
			return a, errSyntax
		}
	}
	a.value += l.all()
	return a, nil
}

// sharedKeys is the namespace in which every app may keep keys of its own.
const sharedKeys = "__global"

var errNoEnrollment = &Error{Code: "AT0011", Message: "Keys verb cannot be accessed without an enrollmentId"}

// ownKey reads a key that the caller put, to do with it what is said.
func (c *Call) ownKey(tx *store.Tx, key atkey.Key, do, name string) (store.Record, error) {
	r, err := tx.Get(key)
	missing := errors.Is(err, store.ErrNotFound)
	switch {
	case missing && key.Scope != atkey.Server:
		return r, keyMissing(name)
	case err != nil && !missing:
		return r, err
	case missing || !c.owns(r):
		return r, keyDenied(c, do, name)
	}
	return r, nil
}

// owns tells whether a record is a key that the caller put.
func (c *Call) owns(r store.Record) bool {
	var kept keyRecord
	return json.Unmarshal(r.Value, &kept) == nil && kept.EnrollmentID == c.Principal.Enrollment
}

func keyDenied(c *Call, do, name string) error {
	return notAllowed("Enrollment " + c.Principal.Enrollment + " is not authorized to " + do + " key " + name)
}

func keyMissing(name string) error {
	return &Error{Code: "AT0015", Message: "key " + name + " not found in keystore"}
}

// What the names of default keys have between the enrollment and the namespace.
const (
	defaultPrivateKey = ".default_enc_private_key."
	defaultSelfKey    = ".default_self_enc_key."
)

// defaultKeys are the names of the keys that the approver wrapped for an app.
func (c *Call) defaultKeys(e *enroll.Enrollment) map[string]enroll.WrappedKey {
	in := enroll.Manage + string(c.Env.Sign)
	return map[string]enroll.WrappedKey{
		e.ID + defaultPrivateKey + in: e.PrivateKey,
		e.ID + defaultSelfKey + in:    e.SelfKey,
	}
}

// isDefaultKey tells whether a name is that of a default key, whoever's.
func (c *Call) isDefaultKey(name string) bool {
	in := enroll.Manage + string(c.Env.Sign)
	return strings.HasSuffix(name, defaultPrivateKey+in) || strings.HasSuffix(name, defaultSelfKey+in)
}
