package enroll

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"atserver/store"
)

// ReplacedLife is how long an enrollment lives on after its replacement has
// logged in, so that a device which failed to keep its new key is not locked out.
const ReplacedLife = 720 * time.Hour

// replace lets an app that is in enroll itself anew, with another key: approved
// at once, with exactly the rights that it has. More needs an approver.
func (r *Registry) replace(p Principal, req Request) (e *Enrollment, err error) {
	err = r.change(func(c *change) error {
		old := c.old.enrollments[p.Enrollment]
		refuse := func(format string, args ...any) error {
			return &Refusal{Principal: p, Reason: fmt.Sprintf(format, args...)}
		}
		switch {
		case old == nil || old.StatusAt(c.Now()) == Expired:
			return refuse("Predecessor enrollment %s does not exist or has expired", p.Enrollment)
		case old.Stored != Approved:
			return refuse("Predecessor enrollment %s is not approved", old.ID)
		case old.SuccessorOf != "":
			return refuse("Enrollment %s is itself a replacement, and a replacement may not be replaced without an approver", old.ID)
		case !old.Replaced.IsZero() && !old.Grants.IsRoot():
			return refuse("Enrollment %s has already been replaced, and its replacement is in use", old.ID)
		case len(req.Grants) > 0 && !old.Grants.Covers(req.Grants):
			return refuse("Requested namespace %s exceeds the predecessor enrollment's grants", old.Grants.exceeded(req.Grants))
		case len(req.Grants) > 0 && !maps.Equal(req.Grants, old.Grants):
			return refuse("a self-enrollment replaces its predecessor and carries its grants: the requested namespaces are others")
		}
		req.Grants = nil // those of the predecessor, which need no check
		if e, err = c.admit(req, "self"); err != nil {
			return err
		}
		e.Grants, e.Parent, e.SuccessorOf = old.Grants, old.Parent, old.ID
		e.ExpiresAt = old.ExpiresAt
		if e.Lifetime > 0 {
			if end := c.Now().Add(e.Lifetime); e.ExpiresAt.IsZero() || end.Before(e.ExpiresAt) {
				e.ExpiresAt = end
			}
		}
		if err := c.approve(e, old.ID); err != nil {
			return err
		}
		return c.Audit(store.Event{
			Actor: old.ID, Action: "enroll.replace", Target: e.ID, Outcome: "allow", From: req.From,
			Detail: map[string]string{"app": e.App, "device": e.Device},
		})
	})
	return e, err
}

// exceeded names the first grant of other that g does not cover, as "wavi:rw".
func (g Grants) exceeded(other Grants) string {
	for _, namespace := range slices.Sorted(maps.Keys(other)) {
		if !g.Covers(Grants{namespace: other[namespace]}) {
			return fmt.Sprintf("%q", namespace+":"+string(other[namespace]))
		}
	}
	return ""
}

// succeed notes the first login of a replacement: its predecessor ends after a
// while, unless it is an owner's.
func (c *change) succeed(e *Enrollment) error {
	old := c.old.enrollments[e.SuccessorOf]
	if old == nil || !old.Replaced.IsZero() {
		return nil
	}
	old = old.revised()
	old.Replaced = c.Now()
	if end := c.Now().Add(ReplacedLife); !old.Grants.IsRoot() && (old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt)) {
		old.ExpiresAt = end
	}
	return c.put(old)
}
