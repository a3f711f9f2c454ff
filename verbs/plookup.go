package verbs

import (
	"errors"
	"strings"
	"unicode"

	"atserver/enroll"
	"atserver/store/atkey"
)

// plookup reads what an atSign shows to everybody:
// "plookup:[bypassCache:b:][meta:|all:]name@owner".
var plookup = define(
	Verb{Name: "plookup", Usage: "e.g plookup:location@bob", Who: enroll.App},
	func(l *line) (a lookupArgs, err error) {
		if a, err = l.lookup(); err != nil {
			return a, err
		}
		if strings.Contains(a.name, "@") || strings.ContainsFunc(a.name, unicode.IsSpace) {
			return a, errSyntax
		}
		return a, nil
	},
	nothing[lookupArgs], // everybody may
	func(c *Call, a lookupArgs) (Reply, error) {
		owner, err := atkey.ParseSign(a.owner)
		if err != nil {
			return Reply{}, err
		}
		c.Accesses.note(owner, "plookup", a.name+string(owner))
		typed := "public:" + strings.ToLower(a.name) + string(owner)
		k, err := atkey.Parse(typed)
		if err != nil {
			return Reply{}, notFound("Exception: " + typed)
		}
		if owner != c.Env.Sign {
			return c.remote(k, a.bypassCache, a.op)
		}
		reply, err := c.lookUp(k, typed, a.op)
		var known *Error
		if errors.As(err, &known) && known.Code == missing {
			err = notFound("Exception: " + typed) // as a server says to another one
		}
		return reply, err
	},
)
