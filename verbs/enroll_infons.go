package verbs

import "atserver/enroll"

// enrollInfoNS tells when an app last lost its right in a namespace, so that the
// others know when to change the keys that it knew.
var enrollInfoNS = define(
	Verb{Name: "enroll:infons", Usage: "e.g. enroll:infons:wavi", Who: enroll.App},
	func(l *line) (string, error) { return l.namespaceOf("enroll:infons") },
	nothing[string], // only members are answered
	func(c *Call, namespace string) (Reply, error) {
		return inNamespace(c, namespace, func([]enroll.Member) []byte {
			o := object{b: []byte{'{'}}
			o.isoOrNull("lastRevokedAt", c.Registry.LastRevoked(namespace))
			return append(o.b, '}')
		})
	},
)
