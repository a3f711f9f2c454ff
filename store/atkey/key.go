package atkey

import "strings"

// Scope says whom a key is for.
type Scope uint8

const (
	Self    Scope = iota // the owner alone
	Shared               // the owner and one other atSign, which may be the owner again
	Public               // everybody
	Private              // the server, on the owner's behalf
	Local                // one device
	Server               // the server itself; such keys have no owner
)

// Key is the parsed name of a record.
type Key struct {
	Scope      Scope
	Cached     bool   // a copy of another atSign's record; only with Public and Shared
	SharedWith Sign   // never empty with Shared, may be set with Private, else empty
	Name       string // entity with its namespace; with Server the whole text
	Owner      Sign   // empty only with Server
}

// Clone returns the same key in memory of its own: one that was parsed shares that of
// the text, which may be a long command.
func (k Key) Clone() Key {
	k.SharedWith, k.Name, k.Owner = k.SharedWith.Clone(), strings.Clone(k.Name), k.Owner.Clone()
	return k
}

// String returns the canonical text.
func (k Key) String() string {
	if k.Scope == Server {
		return k.Name
	}
	var b strings.Builder
	b.Grow(len("cached:private::") + len(k.SharedWith) + len(k.Name) + len(k.Owner))
	if k.Cached {
		b.WriteString("cached:")
	}
	switch k.Scope {
	case Public:
		b.WriteString("public:")
	case Private:
		b.WriteString("private:")
	case Local:
		b.WriteString("local:")
	}
	if k.SharedWith != "" {
		b.WriteString(string(k.SharedWith))
		b.WriteByte(':')
	}
	b.WriteString(k.Name)
	b.WriteString(string(k.Owner))
	return b.String()
}

// Namespace returns the text after the last dot of the name, "" if there is none.
func (k Key) Namespace() string {
	if k.Scope == Server {
		return ""
	}
	if i := strings.LastIndexByte(k.Name, '.'); i >= 0 {
		return k.Name[i+1:]
	}
	return ""
}

// In reports whether the key lies in a namespace of one or more labels. Only
// whole labels count: x.a.b is in "b" and in "a.b"; x.ab and b itself are not
// in "b". Nothing is in the empty namespace.
func (k Key) In(namespace string) bool {
	cut := len(k.Name) - len(namespace) - 1
	return k.Scope != Server && namespace != "" && cut >= 0 &&
		k.Name[cut] == '.' && k.Name[cut+1:] == namespace
}

// Length counts the canonical text in UTF-16 code units, which is how the
// protocol limits keys.
func (k Key) Length() int {
	units := 0
	for _, r := range k.String() {
		if units++; r > 0xFFFF {
			units++
		}
	}
	return units
}

// MaxLength is the limit that Length must not exceed.
func (k Key) MaxLength() int {
	if k.Cached {
		return 255
	}
	return 248
}

// Committed reports whether changes of this key enter the commit log.
func (k Key) Committed() bool {
	switch k.Scope {
	case Private, Local:
		return false
	case Public:
		return k.Cached || !strings.HasPrefix(k.Name, "_") || strings.HasPrefix(k.Name, "__")
	case Server:
		return !strings.HasPrefix(k.Name, "privatekey:")
	}
	return true
}

// Hidden reports whether a listing leaves the key out unless it is asked to show
// hidden keys. Even then it does not show Internal ones.
func (k Key) Hidden() bool {
	switch k.Scope {
	case Self, Public:
		return !k.Cached && strings.HasPrefix(k.Name, "_")
	case Private, Server:
		return true
	}
	return false
}

// Internal reports whether the key is in no listing, whatever was asked: the
// server's own, and names without an atSign, which clients cannot parse.
func (k Key) Internal() bool {
	return k.Scope == Private || k.Scope == Server || k.Scope == Public && !k.Committed()
}
