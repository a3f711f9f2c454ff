package enroll

import (
	"maps"
	"slices"
	"time"

	"atserver/store"
)

// Members returns the approved enrollments that have a right in a namespace, and
// the right, by id. A grant of the namespace itself counts before "*".
func (r *Registry) Members(namespace string) []Member {
	var members []Member
	now := r.Time()
	for _, e := range r.snapshot.Load().enrollments {
		access := e.Grants.at(namespace)
		if namespace == Manage {
			access = e.Grants[Manage]
		}
		if access != None && e.StatusAt(now) == Approved {
			members = append(members, Member{e, access})
		}
	}
	slices.SortFunc(members, func(a, b Member) int { return compare(a.Enrollment, b.Enrollment) })
	return members
}

// Member is an enrollment with a right in a namespace.
type Member struct {
	*Enrollment
	Access Access
}

// compare orders enrollments by the time of their request.
func compare(a, b *Enrollment) int {
	if c := a.RequestedAt.Compare(b.RequestedAt); c != 0 {
		return c
	}
	return slices.Compare([]byte(a.ID), []byte(b.ID))
}

// LastRevoked is when the latest enrollment with a right in a namespace that
// stands revoked, or was deleted after that, was revoked; zero if none was.
func (r *Registry) LastRevoked(namespace string) time.Time {
	s := r.snapshot.Load()
	var latest time.Time
	for _, e := range s.enrollments {
		if e.Stored == Revoked && e.Grants.at(namespace) != None && e.RevokedAt.After(latest) {
			latest = e.RevokedAt
		}
	}
	for granted, at := range s.revoked {
		if (Grants{granted: Read}).at(namespace) != None && at.After(latest) {
			latest = at
		}
	}
	return latest
}

// revokedRow remembers revocations of enrollments that are gone: those who share a
// namespace must still learn that somebody left.
const (
	revokedRow   = "revoked"
	revokedWords = "past revocations"
)

func readRevoked(tx *store.Tx) (map[string]time.Time, error) {
	revoked := map[string]time.Time{}
	err := readSetting(tx, revokedRow, revokedWords, &revoked)
	return revoked, err
}

// rememberRevocation keeps what LastRevoked needs of an enrollment that goes.
func (c *change) rememberRevocation(e *Enrollment) error {
	if e.Stored != Revoked {
		return nil
	}
	revoked := maps.Clone(c.next.revoked)
	for namespace := range e.Grants {
		if e.RevokedAt.After(revoked[namespace]) {
			revoked[namespace] = e.RevokedAt
		}
	}
	c.next.revoked = revoked
	return c.putSetting(revokedRow, revokedWords, revoked)
}
