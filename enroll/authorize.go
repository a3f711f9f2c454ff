package enroll

import (
	"atserver/store/atkey"
)

// Check tells whether p may act at all: the enrollment behind it is approved and
// alive, the bootstrap secret is still good. The error is a *StateError.
func (r *Registry) Check(p Principal) error {
	switch p.Kind {
	case App:
		if _, status := r.Get(p.Enrollment); status != Approved {
			return &StateError{Enrollment: p.Enrollment, Status: status}
		}
	case CRAM:
		if !r.snapshot.Load().bootstrap.open() {
			return &StateError{Enrollment: "cram", Status: Expired}
		}
	}
	return nil
}

// Authorize is the one decision: may p do all that is needed, now. The error is
// a *StateError when p may not act at all, else a *Refusal.
func (r *Registry) Authorize(p Principal, needs ...Need) error {
	if err := r.Check(p); err != nil {
		return err
	}
	e, _ := r.Get(p.Enrollment)
	if !r.may(p, e, &nothing) {
		return &Refusal{Principal: p}
	}
	for i := range needs {
		if n := &needs[i]; !r.may(p, e, n) {
			return &Refusal{Principal: p, Need: *n, Reason: r.grants(p).reason(n)}
		}
	}
	return nil
}

// nothing is what everybody needs who acts at all.
var nothing Need

// Visible is Authorize for lists: it tells which keys p may use with the given
// access. The answer holds for one moment; ask anew for each list.
func (r *Registry) Visible(p Principal, access Access) func(atkey.Key) bool {
	if r.Check(p) != nil {
		return func(atkey.Key) bool { return false }
	}
	e, _ := r.Get(p.Enrollment)
	need := Need{kind: needData, access: access}
	return func(k atkey.Key) bool {
		need.key = k
		return r.may(p, e, &need)
	}
}

// Synced is Visible for devices that keep copies: of the public records, which
// everybody may read, an app is sent its own, and the keys of the atSign.
func (r *Registry) Synced(p Principal) func(atkey.Key) bool {
	visible := r.Visible(p, Read)
	g := r.grants(p)
	if g[Any].Includes(Read) || p.Kind != App {
		return visible
	}
	return func(k atkey.Key) bool {
		others := k.Scope == atkey.Public && k.Reserved() == atkey.NotReserved && !g.on(k).Includes(Read) &&
			!k.In(p.Enrollment+".a."+enrollmentData) && !k.In(serverEvents)
		return !others && visible(k)
	}
}

// Namespaces returns those in which p may read records that are neither public nor
// the symmetric keys of pairs, or all if it may read anywhere. They only narrow
// where to look: what is found there is for Visible to judge.
func (r *Registry) Namespaces(p Principal) (namespaces []string, all bool) {
	g := r.grants(p)
	if p.Kind != App || g[Any].Includes(Read) {
		return nil, true
	}
	namespaces = []string{serverEvents, p.Enrollment + ".a." + enrollmentData}
	for namespace, access := range g {
		if access.Includes(Read) {
			namespaces = append(namespaces, namespace)
		}
	}
	return namespaces, false
}

// may decides one need. e is the enrollment of an App.
func (r *Registry) may(p Principal, e *Enrollment, n *Need) bool {
	switch p.Kind {
	case App:
		return e != nil && e.Grants.allow(e.ID, n)
	case CRAM:
		return mayBootstrap(n) || r.testing && root.allow("", n)
	case Peer:
		return mayAnonymous(n) || n.kind == needData && n.access == Read &&
			n.key.Scope == atkey.Shared && !n.key.Cached && n.key.SharedWith == p.Sign
	case Anonymous:
		return mayAnonymous(n)
	case Operator:
		return n.kind == needNothing || n.kind == needManage || n.kind == needDecide && n.op != Approve
	}
	return false
}

// grants are what p holds as an app; none otherwise.
func (r *Registry) grants(p Principal) Grants {
	if e, _ := r.Get(p.Enrollment); e != nil && p.Kind == App {
		return e.Grants
	}
	return nil
}

func mayAnonymous(n *Need) bool {
	return n.kind == needNothing ||
		n.kind == needData && n.access == Read && n.key.Scope == atkey.Public && !n.key.Cached
}

// mayBootstrap is what the bootstrap secret is good for: to install the first
// key, and to put the secret away.
func mayBootstrap(n *Need) bool {
	return n.kind == needNothing ||
		n.kind == needData && n.key.Name == LegacyKey && n.key.Scope == atkey.Server ||
		n.kind == needDelete && n.key.Name == CRAMSecretKey && n.key.Scope == atkey.Server
}

var root = Root()
