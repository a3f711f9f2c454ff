package verbs

import (
	"strings"

	"atserver/enroll"
)

// updateMeta changes what is stored about a record and leaves its value:
// "update:meta[:nc][:public|:@recipient]:name@owner[:fragment:value]...". A record
// that is not there is made, without a value.
var updateMeta = define(
	Verb{Name: "update:meta", Usage: "update:meta:ttl:20000:ttb:20000:ttr:20000", Who: enroll.Owner},
	func(l *line) (w write, err error) {
		w.keep, w.silent = true, l.option(":nc")
		key, ok := l.keyBeforeFragments()
		if !ok {
			return w, errSyntax
		}
		if w.key, err = (&line{rest: key, self: l.self}).ownKey(); err != nil {
			return w, err
		}
		if w.meta, err = l.fragments(); err == nil && !l.end() {
			err = errSyntax
		}
		return w, err
	},
	func(c *Call, w write) []enroll.Need { return w.needs(c) },
	func(c *Call, w write) (Reply, error) { return w.run(c) },
)

// keyBeforeFragments cuts ":[public:|@recipient:]name@owner" off. The name may
// hold blanks, which mean nothing.
func (l *line) keyBeforeFragments() (key string, ok bool) {
	name, found := strings.CutPrefix(l.rest, ":")
	if !found {
		return "", false
	}
	if strings.HasPrefix(name, "@") {
		if _, name, found = strings.Cut(name, ":"); !found {
			return "", false
		}
	}
	before, owner, found := strings.Cut(name, "@")
	if !found || before == "" {
		return "", false
	}
	end := len(l.rest)
	if colon := strings.IndexByte(owner, ':'); colon >= 0 {
		end -= len(owner) - colon
	}
	key, l.rest = strings.ReplaceAll(l.rest[:end], " ", ""), l.rest[end:]
	return key, true
}
