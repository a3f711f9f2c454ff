package verbs

import (
	"encoding/json"
	"errors"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

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
