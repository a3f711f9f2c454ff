package verbs

import (
	"slices"
	"strings"

	"atserver/enroll"
	"atserver/store/atkey"
)

type blockArgs struct {
	add, remove []atkey.Sign // neither: show
	show        bool
}

// configBlock keeps the list of atSigns that are not let in:
// "config:block:show", "config:block:add:@a @b", "config:block:remove:@a".
var configBlock = define(
	Verb{Name: "config:block", Usage: "e.g. config:block:add:@bob @eve or config:block:show", Who: enroll.App},
	func(l *line) (a blockArgs, err error) {
		switch {
		case l.take(":show"):
			a.show = true
			if strings.TrimSpace(l.all()) != "" {
				return a, errSyntax
			}
			return a, nil
		case l.take(":add:"):
			a.add, err = l.signs()
		case l.take(":remove:"):
			a.remove, err = l.signs()
		default:
			return a, errSyntax
		}
		return a, err
	},
	rules,
	func(c *Call, a blockArgs) (Reply, error) {
		if a.show {
			blocked := c.Registry.Blocked()
			if len(blocked) == 0 {
				return text("null"), nil
			}
			names := make([]string, len(blocked))
			for i, sign := range blocked {
				names[i] = string(sign)
			}
			return Reply{Data: appendNames(nil, names)}, nil
		}
		if len(a.remove) > 0 && len(c.Registry.Blocked()) == 0 {
			return text("null"), nil
		}
		a.add = slices.DeleteFunc(a.add, func(s atkey.Sign) bool { return s == c.Env.Sign })
		return Reply{Data: success}, c.Registry.Block(c.Principal, a.add, a.remove, c.From)
	},
)

// signs consumes atSigns separated by blanks, to the end.
func (l *line) signs() (signs []atkey.Sign, err error) {
	for word := range strings.FieldsSeq(l.all()) {
		if !strings.HasPrefix(word, "@") || len(word) < 2 || strings.ContainsFunc(word[1:], isBreak) {
			return nil, errSyntax
		}
		sign, err := atkey.ParseSign(word)
		if err != nil {
			return nil, err
		}
		signs = append(signs, sign)
	}
	if len(signs) == 0 {
		return nil, errSyntax
	}
	return signs, nil
}
