package verbs

import (
	"errors"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

type updateArgs struct {
	key    atkey.Key
	value  string
	meta   fragments
	silent bool // leaves no commit entry
}

// update writes a record:
// "update[:nc][:fragment:value]...[:public|:@recipient]:name@owner value".
var update = define(
	Verb{Name: "update", Usage: "e.g. update:@alice:location@bob San Francisco", Who: enroll.Owner},
	func(l *line) (a updateArgs, err error) {
		head, value, ok := strings.Cut(l.rest, " ")
		if !ok || value == "" {
			return a, errSyntax
		}
		l.rest, a.value = head, value
		a.silent = l.option(":nc")
		if a.meta, err = l.fragments(); err != nil {
			return a, err
		}
		a.key, err = l.ownKey()
		return a, err
	},
	func(_ *Call, a updateArgs) []enroll.Need { return []enroll.Need{enroll.ToWrite(a.key)} },
	func(c *Call, a updateArgs) (Reply, error) {
		if a.key.Name == enroll.LegacyKey {
			return installLegacyKey(c, a.value)
		}
		if isProtected(a.key, c.Env.Sign) && a.key.Name != "publickey" {
			return Reply{}, notAllowed("Cannot update protected key: '" + a.key.Name + string(a.key.Owner) + "'")
		}
		op := store.OpUpdateAll
		if a.silent {
			op = store.Silent
		}
		var id int64
		err := c.DB.Update(func(tx *store.Tx) (err error) {
			old, err := current(tx, a.key)
			if err != nil {
				return err
			}
			if old != nil && old.Immutable != nil && *old.Immutable {
				return illegalState("Immutable records may not be updated")
			}
			id, err = tx.Put(store.Record{
				Key: a.key, Value: []byte(a.value), Meta: a.meta.merge(old, c.Env.Sign, tx.Now()),
			}, op, c.Principal.Actor())
			return err
		})
		if err != nil {
			return Reply{}, err
		}
		return number(id), nil
	},
)

// current returns the metadata of a record as a write finds it: nil when there
// is none, or it has expired.
func current(tx *store.Tx, k atkey.Key) (*store.Meta, error) {
	old, err := tx.Get(k)
	if errors.Is(err, store.ErrNotFound) || err == nil && old.Meta.State(tx.Now()) == store.Expired {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &old.Meta, nil
}

// installLegacyKey enrolls the owner's first app for clients that know no
// enrollment. Only the bootstrap secret gets here.
func installLegacyKey(c *Call, key string) (Reply, error) {
	if _, err := c.Registry.BootstrapLegacy(key, c.ID, c.From); err != nil {
		return Reply{}, err
	}
	return number(-1), nil
}

// isProtected reports whether a key belongs to the server. Cached copies of
// another atSign's keys by the same name do not.
func isProtected(k atkey.Key, self atkey.Sign) bool {
	if k.Cached || k.Owner != self {
		return false
	}
	return k.Name == "signing_publickey" || k.Name == "signing_privatekey" || k.Name == "publickey"
}
