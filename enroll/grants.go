package enroll

import (
	"strings"

	"atserver/store/atkey"
)

// Access is what a grant allows in its namespace.
type Access string

const (
	None      Access = ""
	Read      Access = "r"
	ReadWrite Access = "rw"
)

// Includes reports whether a allows at least what want asks. Anything but "r"
// and "rw" allows nothing.
func (a Access) Includes(want Access) bool {
	switch a {
	case ReadWrite:
		return want == Read || want == ReadWrite
	case Read:
		return want == Read
	}
	return false
}

// Any is the grant that covers every ordinary namespace, and keys without one.
// Manage is the right to manage enrollments; it reaches no data.
const (
	Any    = "*"
	Manage = "__manage"
)

// Grants maps a namespace, Any or Manage to what is allowed there.
type Grants map[string]Access

// Root returns the grants of the owner: everything.
func Root() Grants { return Grants{Any: ReadWrite, Manage: ReadWrite} }

// IsRoot reports whether g allows everything.
func (g Grants) IsRoot() bool { return g[Any] == ReadWrite && g[Manage] == ReadWrite }

// writesAnything reports whether g allows to write in any namespace.
func (g Grants) writesAnything() bool {
	for namespace, access := range g {
		if access == ReadWrite && namespace != Manage {
			return true
		}
	}
	return false
}

// reservedNamespaces are the last labels that Any does not reach. The data below
// them has rules of its own or is reached by nobody.
var reservedNamespaces = map[string]bool{
	Manage: true, "__otp": true, "__pkams": true, "__global": true, serverEvents: true, enrollmentData: true,
}

const (
	serverEvents   = "__atserver" // written by the server, read by every enrollment
	enrollmentData = "__e"        // <id>.a.__e: the private namespace of one enrollment
)

// at returns what g allows in the namespace itself. The longest grant that
// covers it decides; Any is the shortest of all.
func (g Grants) at(namespace string) Access {
	for rest := namespace; ; {
		if access, ok := g[rest]; ok && rest != Any && rest != Manage {
			return access
		}
		_, after, more := strings.Cut(rest, ".")
		if !more {
			break
		}
		rest = after
	}
	if endsReserved(namespace) {
		return None
	}
	return g[Any]
}

// endsReserved tells whether a namespace lies in a reserved one.
func endsReserved(namespace string) bool {
	return reservedNamespaces[namespace[strings.LastIndexByte(namespace, '.')+1:]]
}

// isNamespace tells whether keys can lie in a namespace of this spelling.
func isNamespace(namespace string) bool {
	k, err := atkey.Parse("x." + namespace + "@x")
	return err == nil && k.Scope == atkey.Self && k.Name == "x."+namespace
}

// on returns what g allows on a key by its namespace alone.
func (g Grants) on(k atkey.Key) Access {
	if k.Scope != atkey.Server {
		if _, namespace, ok := strings.Cut(k.Name, "."); ok {
			return g.at(namespace)
		}
	}
	return g[Any]
}

// Covers reports whether the holder of g may give other to somebody: the
// receiver may then do nothing that the holder may not.
func (g Grants) Covers(other Grants) bool {
	for namespace, access := range other {
		if namespace == Any || namespace == Manage {
			if !g[namespace].Includes(access) {
				return false
			}
		} else if !g.at(namespace).Includes(access) {
			return false
		}
	}
	// a narrower grant of the holder must not be widened by a broader one given
	for namespace, access := range g {
		if namespace == Any || namespace == Manage {
			continue
		}
		if given := other.at(namespace); given != None && !access.Includes(given) {
			return false
		}
	}
	return true
}

// ServerWrites tells whether a key is in a namespace that only the server itself
// writes, so that apps take what comes in it for the server's word.
func ServerWrites(k atkey.Key) bool { return k.In(Manage) || k.In(serverEvents) }
