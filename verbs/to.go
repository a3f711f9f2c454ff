package verbs

import (
	"errors"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// to names the atSign that a connection is for, and fetches its public keys at once:
// "to:@alice". Other servers may say it first; it binds nobody.
var to = define(
	Verb{Name: "to", Usage: "e.g. to:@alice", Who: enroll.Anyone},
	func(l *line) (string, error) {
		sign, ok := strings.CutPrefix(l.all(), ":")
		if !ok || sign == "" || strings.ContainsFunc(strings.TrimPrefix(sign, "@"), isBreak) {
			return "", errSyntax
		}
		return sign, nil
	},
	nothing[string], // everybody may
	func(c *Call, typed string) (Reply, error) {
		sign, err := atkey.ParseSign(typed)
		switch {
		case err != nil:
			return Reply{}, err
		case sign != c.Env.Sign:
			return Reply{}, &Error{Code: "AT0007", Message: string(sign) + " is not hosted on this atServer"}
		}
		o := object{b: []byte{'{'}}
		for _, name := range []string{"publickey", "signing_publickey"} {
			k := atkey.Key{Scope: atkey.Public, Name: name, Owner: sign}
			r, now, err := c.find(k, k.String())
			var known *Error
			switch {
			case errors.As(err, &known) && known.Code == missing || err == nil && r.Meta.State(now) != store.Active:
				o.json(name, null)
			case err != nil:
				return Reply{}, err
			default:
				o.b = appendRecord(o.name(name), r)
			}
		}
		return Reply{Data: append(o.b, '}')}, nil
	},
)
