package verbs

import (
	"strings"

	"atserver/enroll"
)

// namespaceOf consumes ":<namespace>" to the end.
func (l *line) namespaceOf(verb string) (string, error) {
	l.take(":")
	namespace := strings.ToLower(strings.TrimSpace(l.all()))
	if namespace == "" {
		return "", illegal("namespace is required for " + verb)
	}
	if strings.ContainsAny(namespace, ":{ ") {
		return "", errSyntax
	}
	return namespace, nil
}

// inNamespace runs f for an app with a right in the namespace.
func inNamespace(c *Call, namespace string, f func([]enroll.Member) []byte) (Reply, error) {
	members := c.Registry.Members(namespace)
	for _, m := range members {
		if m.ID == c.Principal.Enrollment {
			return Reply{Data: f(members)}, nil
		}
	}
	return Reply{}, notAllowed(`Caller enrollment is not authorised for namespace "` + namespace + `"`)
}

// enrollListNS lists the apps that share a namespace, for one of them.
var enrollListNS = define(
	Verb{Name: "enroll:listns", Usage: "e.g. enroll:listns:wavi", Who: enroll.App},
	func(l *line) (string, error) { return l.namespaceOf("enroll:listns") },
	nothing[string], // only members are answered
	func(c *Call, namespace string) (Reply, error) {
		if c.Principal.Enrollment == "" {
			return Reply{}, notAuthenticated("enroll:listns requires APKAM authentication")
		}
		return inNamespace(c, namespace, func(members []enroll.Member) []byte {
			b := []byte{'['}
			for i, m := range members {
				if i > 0 {
					b = append(b, ',')
				}
				o := object{b: append(b, '{')}
				o.text("enrollmentId", m.ID)
				o.text("access", string(m.Access))
				o.text("apkamPubKey", m.Key)
				metadata := []byte(m.Metadata)
				if len(metadata) == 0 {
					metadata = []byte("null")
				}
				o.json("metadata", metadata)
				b = append(o.b, '}')
			}
			return append(b, ']')
		})
	},
)
