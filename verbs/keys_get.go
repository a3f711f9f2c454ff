package verbs

import (
	"encoding/json"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

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

// keyByName reads one key of the caller.
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
		r, err := c.ownKey(tx, key, "access", name)
		if err != nil {
			return err
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
		word := map[string]string{"private": defaultPrivateKey, "self": defaultSelfKey}[visibility]
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
