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

// keysPut keeps a key.
var keysPut = define(
	Verb{Name: "keys:put", Usage: "e.g. keys:put:public:namespace:__global:keyType:rsa2048:keyName:enc_1 <value>", Who: enroll.App},
	(*line).keysArgs,
	func(c *Call, a keysArgs) []enroll.Need {
		if a.namespace == "" || a.namespace == sharedKeys {
			return nil // below one's own enrollment only, see owns
		}
		return []enroll.Need{enroll.ToWrite(atkey.Key{Scope: atkey.Self, Name: "keys." + strings.ToLower(a.namespace), Owner: c.Env.Sign})}
	},
	func(c *Call, a keysArgs) (Reply, error) {
		switch {
		case c.Principal.Enrollment == "":
			return Reply{}, errNoEnrollment
		case a.visibility == "":
			return text("null"), nil // as ever: nothing is kept
		case !enroll.IsName(a.keyName) || a.namespace == "":
			return Reply{}, illegal("keys: names are 1 to 64 of A-Z a-z 0-9 _ . -")
		}
		name := map[string]string{
			"public":  "public:" + a.keyName + ".__public_keys.",
			"private": "private:" + a.app + "." + a.device + "." + a.keyName + ".__private_keys.",
			"self":    a.app + "." + a.device + "." + a.keyName + ".__self_keys.",
		}[a.visibility] + a.namespace + string(c.Env.Sign)
		key, err := atkey.Parse(name)
		if err != nil {
			return Reply{}, invalidKey("not a valid key: " + name)
		}
		if err := checkLength(key); err != nil {
			return Reply{}, err
		}
		raw, err := json.Marshal(keyRecord{a.value, a.keyType, c.Principal.Enrollment, a.encryptionKeyName})
		if err != nil {
			return Reply{}, err
		}
		return number(-1), c.DB.Update(func(tx *store.Tx) error {
			if old, err := tx.Get(key); err == nil {
				if !c.owns(old) {
					return keyDenied(c, "write", name)
				}
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			_, err := tx.Put(store.Record{Key: key, Value: raw, Meta: fragments{}.merge(nil, c.Env.Sign, tx.Now())},
				store.Silent, c.Principal.Enrollment)
			return err
		})
	},
)

// owns tells whether a record is a key that the caller put.
func (c *Call) owns(r store.Record) bool {
	var kept keyRecord
	return json.Unmarshal(r.Value, &kept) == nil && kept.EnrollmentID == c.Principal.Enrollment
}

func keyDenied(c *Call, what, name string) error {
	return notAllowed("Enrollment " + c.Principal.Enrollment + " is not authorized to " + what + " key " + name)
}

func keyMissing(name string) error {
	return &Error{Code: "AT0015", Message: "key " + name + " not found in keystore"}
}

// keysGet returns one key by its full name, or the names of those of a kind.
var keysGet = define(
	Verb{Name: "keys:get", Usage: "e.g. keys:get:keyName:<name> or keys:get:self", Who: enroll.App},
	(*line).keysArgs,
	nothing[keysArgs], // only one's own
	func(c *Call, a keysArgs) (Reply, error) {
		switch {
		case c.Principal.Enrollment == "":
			return Reply{}, errNoEnrollment
		case a.keyName != "":
			return c.keyByName(a.keyName)
		case a.visibility != "":
			return c.keysOf(a.visibility)
		}
		return Reply{}, syntaxError("Invalid syntax. e.g. keys:get:keyName:<name> or keys:get:self")
	},
)

// defaultKeys are the names of the keys that the approver wrapped for an app.
func (c *Call) defaultKeys(e *enroll.Enrollment) map[string]enroll.WrappedKey {
	in := "." + enroll.Manage + string(c.Env.Sign)
	return map[string]enroll.WrappedKey{
		e.ID + ".default_enc_private_key" + in: e.PrivateKey,
		e.ID + ".default_self_enc_key" + in:    e.SelfKey,
	}
}

// isDefaultKey tells whether a name is that of a default key, whoever's.
func (c *Call) isDefaultKey(name string) bool {
	in := "." + enroll.Manage + string(c.Env.Sign)
	return strings.HasSuffix(name, ".default_enc_private_key"+in) || strings.HasSuffix(name, ".default_self_enc_key"+in)
}

func (c *Call) keyByName(name string) (Reply, error) {
	own, _ := c.Registry.Get(c.Principal.Enrollment)
	folded := strings.ToLower(name)
	if wrapped, found := c.defaultKeys(own)[folded]; found {
		if wrapped.Value == "" {
			return Reply{}, keyMissing(name)
		}
		raw, err := json.Marshal(wrapped)
		return Reply{Data: raw}, err
	}
	key, err := atkey.Parse(name)
	if err != nil {
		return Reply{}, keyMissing(name)
	}
	if c.isDefaultKey(folded) {
		return Reply{}, keyDenied(c, "access", name)
	}
	var reply Reply
	err = c.DB.View(func(tx *store.Tx) error {
		r, err := tx.Get(key)
		switch {
		case errors.Is(err, store.ErrNotFound) && key.Scope != atkey.Server:
			return keyMissing(name)
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		case err != nil || !c.owns(r):
			return keyDenied(c, "access", name)
		}
		reply.Data = r.Value
		return nil
	})
	return reply, err
}

// keysOf lists the caller's keys of one visibility.
func (c *Call) keysOf(visibility string) (Reply, error) {
	names := []string{}
	scope := map[string]atkey.Scope{"public": atkey.Public, "private": atkey.Private, "self": atkey.Self}[visibility]
	own, _ := c.Registry.Get(c.Principal.Enrollment)
	if visibility != "public" {
		word := map[string]string{"private": ".default_enc_private_key.", "self": ".default_self_enc_key."}[visibility]
		for name, wrapped := range c.defaultKeys(own) {
			if wrapped.Value != "" && strings.Contains(name, word) {
				names = append(names, name)
			}
		}
	}
	err := c.DB.View(func(tx *store.Tx) error {
		for entry, err := range tx.Keys(store.Filter{Scopes: []atkey.Scope{scope}, Cached: new(bool)}) {
			if err != nil {
				return err
			}
			if !strings.Contains(entry.Key.Name, ".__"+visibility+"_keys.") {
				continue
			}
			r, err := tx.Get(entry.Key)
			if err != nil {
				return err
			}
			if c.owns(r) {
				names = append(names, entry.Key.String())
			}
		}
		return nil
	})
	return Reply{Data: appendNames(nil, names)}, err
}

// keysDelete removes a key.
var keysDelete = define(
	Verb{Name: "keys:delete", Usage: "e.g. keys:delete:keyName:<name>", Who: enroll.App},
	(*line).keysArgs,
	nothing[keysArgs], // only one's own
	func(c *Call, a keysArgs) (Reply, error) {
		if c.Principal.Enrollment == "" {
			return Reply{}, errNoEnrollment
		}
		if a.keyName == "" {
			return Reply{}, syntaxError("Invalid syntax. e.g. keys:delete:keyName:<name>")
		}
		key, err := atkey.Parse(a.keyName)
		if err != nil {
			return Reply{}, keyMissing(a.keyName)
		}
		if c.isDefaultKey(key.String()) {
			return Reply{}, keyDenied(c, "delete", a.keyName)
		}
		return number(-1), c.DB.Update(func(tx *store.Tx) error {
			r, err := tx.Get(key)
			switch {
			case errors.Is(err, store.ErrNotFound) && key.Scope != atkey.Server:
				return keyMissing(a.keyName)
			case err != nil && !errors.Is(err, store.ErrNotFound):
				return err
			case err != nil || !c.owns(r):
				return keyDenied(c, "delete", a.keyName)
			}
			_, _, err = tx.Delete(key, store.Silent, c.Principal.Enrollment)
			return err
		})
	},
)
