package enroll

import (
	"fmt"

	"atserver/store/atkey"
)

// Need is one thing that a command asks to be allowed.
type Need struct {
	kind   needKind
	access Access
	key    atkey.Key
	op     Op          // needDecide: the act,
	target *Enrollment // and on whom; nil for one that is unknown
	id     string      // as it was named
}

type needKind uint8

const (
	needNothing needKind = iota // the zero Need is always granted to who may act at all
	needData
	needDelete
	needManage
	needDecide
	needRoot
)

// ToRead, ToWrite and ToDelete ask for a record.
func ToRead(k atkey.Key) Need   { return Need{kind: needData, access: Read, key: k} }
func ToWrite(k atkey.Key) Need  { return Need{kind: needData, access: ReadWrite, key: k} }
func ToDelete(k atkey.Key) Need { return Need{kind: needDelete, access: ReadWrite, key: k} }

// ToManage asks for the right to manage enrollments and what goes with them.
func ToManage(access Access) Need { return Need{kind: needManage, access: access} }

// ToDecide asks to look at an enrollment or to decide about it: whoever does must
// be a manager and have every right that it has.
func (r *Registry) ToDecide(id string, op Op) Need {
	e, _ := r.Get(id)
	return Need{kind: needDecide, access: Read, op: op, target: e, id: id}
}

// ToRule asks for everything: acts on the atSign itself.
func ToRule() Need { return Need{kind: needRoot} }

// Key returns the key that is asked for; it is zero when none is.
func (n Need) Key() atkey.Key { return n.key }

// Manages tells whether the right to manage is what is asked for.
func (n Need) Manages() bool { return n.kind == needManage }

// allow is the rule for enrolled apps, as a pure function. id is the enrollment
// that holds g. The cases stand in the order in which they decide.
func (g Grants) allow(id string, n *Need) bool {
	switch n.kind {
	case needNothing:
		return true
	case needManage:
		return g[Manage].Includes(n.access)
	case needDecide:
		own := n.target != nil && n.target.ID == id && (n.op == Fetch || n.op == Revoke || n.op == Delete)
		return own || g[Manage].Includes(Read) && (n.target == nil || g.Covers(n.target.Grants))
	case needRoot:
		return g.IsRoot()
	}
	k := n.key
	switch k.Reserved() {
	case atkey.SharedKey: // the symmetric keys of pairs: every app needs them
		return n.access == Read || g.writesAnything()
	case atkey.PublicKey:
		if n.access == Read || !k.Cached {
			return n.access == Read || g.IsRoot()
		}
	case atkey.SigningKey: // who reads it can prove to be this atSign elsewhere
		return g.IsRoot()
	case atkey.PrivateKey: // written while bootstrapping only; the owner may put the secret away
		return n.kind == needDelete && k.Name == CRAMSecretKey && g.IsRoot()
	case atkey.BlockList, atkey.ConfigKey:
		return false
	}
	switch {
	case k.Scope == atkey.Private:
		return false
	case k.Scope == atkey.Public && n.access == Read:
		return true
	case k.In(enrollmentData):
		return k.In(id + ".a." + enrollmentData)
	case k.In(serverEvents):
		return n.access == Read
	case k.In(Manage), k.In("__otp"), k.In("__pkams"):
		return false
	}
	return g.on(k).Includes(n.access)
}

// reason words why g does not allow a decision; "" for other needs.
func (g Grants) reason(n *Need) string {
	switch {
	case n.kind == needManage:
		return "requires access to the __manage namespace"
	case n.kind != needDecide:
		return ""
	case n.op == Fetch || n.op == Delete:
		return fmt.Sprintf("Not authorized to %s enrollment %s: requires __manage and access to all of its namespaces", n.op, n.id)
	case !g[Manage].Includes(Read):
		return `The approving enrollment does not have access to "__manage" namespace`
	}
	return fmt.Sprintf("Failed to %s enrollment id: %s. Client is not authorized for namespaces in the enrollment request", n.op, n.id)
}
