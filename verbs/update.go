package verbs

import (
	"strings"

	"atserver/enroll"
)

// update writes a record:
// "update[:nc][:fragment:value]...[:public|:@recipient]:name@owner value", or
// "update[:nc]:json:{...}", which update_json.go reads.
var update = define(
	Verb{Name: "update", Usage: "e.g. update:@alice:location@bob San Francisco", Who: enroll.Owner},
	func(l *line) (w write, err error) {
		w.silent = l.option(":nc")
		if l.take(":json:") {
			return w, l.jsonUpdate(&w)
		}
		head, value, ok := strings.Cut(l.rest, " ")
		if !ok || value == "" {
			return w, errSyntax
		}
		l.rest, w.value = head, value
		if w.meta, err = l.fragments(); err != nil {
			return w, err
		}
		w.key, err = l.ownKey()
		return w, err
	},
	func(c *Call, w write) []enroll.Need { return w.needs(c) },
	func(c *Call, w write) (Reply, error) {
		if w.key.Name == enroll.LegacyKey {
			return installLegacyKey(c, w.value)
		}
		return w.run(c)
	},
)

// installLegacyKey enrolls the owner's first app for clients that know no
// enrollment. Only the bootstrap secret gets here.
func installLegacyKey(c *Call, key string) (Reply, error) {
	if _, err := c.Registry.BootstrapLegacy(key, c.ID, c.From); err != nil {
		return Reply{}, err
	}
	return number(-1), nil
}
