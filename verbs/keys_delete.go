package verbs

import (
	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

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
			if _, err := c.ownKey(tx, key, "delete", a.keyName); err != nil {
				return err
			}
			_, _, err := tx.Delete(key, store.Silent, c.Principal.Enrollment)
			return err
		})
	},
)
