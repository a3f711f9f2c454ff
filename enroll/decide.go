package enroll

import (
	"fmt"
	"slices"
	"time"

	"atserver/store"
)

// DecisionError says that an act on an enrollment must not be, although the
// caller may decide and the state allows it. Its text is safe to show.
type DecisionError struct {
	Why    Why
	Reason string
}

// Why classifies a DecisionError.
type Why uint8

const (
	Orphan   Why = iota // the enrollment above it is not approved
	NoGrants            // an enrollment without rights cannot be approved
	Suicide             // the caller, or the last owner, would fall
)

func (e *DecisionError) Error() string { return e.Reason }

// Approve lets an app in. keys are wrapped for it by the approver.
func (r *Registry) Approve(p Principal, id string, private, self WrappedKey, from string) error {
	return r.decide(p, Approve, id, from, func(c *change, e *Enrollment) error {
		if len(e.Grants) == 0 {
			return &DecisionError{NoGrants, fmt.Sprintf(
				"Failed to approve enrollment id: %s. It holds no namespaces, and an approved enrollment granting nothing must not exist", id)}
		}
		e.PrivateKey, e.SelfKey = private, self
		if p.Kind == App {
			e.Parent = p.Enrollment
		}
		return c.approve(e, p.Actor())
	})
}

// approve is what every way in ends with. Who was let in for a time is let in
// from now on; a replacement keeps the end that it was made with.
func (c *change) approve(e *Enrollment, by string) error {
	e.Stored, e.DecidedAt, e.DecidedBy, e.Private = Approved, c.Now(), by, privateActive
	if e.SuccessorOf == "" {
		e.ExpiresAt = time.Time{}
		if e.Lifetime > 0 {
			e.ExpiresAt = e.DecidedAt.Add(e.Lifetime)
		}
	}
	if err := c.publishApsk(e); err != nil {
		return err
	}
	return c.put(e)
}

// Deny turns a request down.
func (r *Registry) Deny(p Principal, id, from string) error {
	return r.decide(p, Deny, id, from, func(c *change, e *Enrollment) error {
		e.Stored, e.DecidedAt, e.DecidedBy = Denied, c.Now(), p.Actor()
		return c.put(e)
	})
}

// Revoke ends what an app may do, at once, and what everybody may do whom it let
// in. It returns those that fell with it. An app revokes itself only by force.
func (r *Registry) Revoke(p Principal, id string, force bool, from string) (fallen []string, err error) {
	if p.Kind == App && id == p.Enrollment && !force {
		return nil, &DecisionError{Suicide, "Current client cannot revoke its own enrollment"}
	}
	err = r.decide(p, Revoke, id, from, func(c *change, e *Enrollment) error {
		fallen = c.old.below(id, c.Now())
		if err := c.mayFall(p, id, fallen); err != nil {
			return err
		}
		for _, one := range append([]string{id}, fallen...) {
			e := c.old.enrollments[one].revised()
			e.Stored, e.RevokedAt, e.RevokedBy = Revoked, c.Now(), p.Actor()
			if err := c.put(e); err != nil {
				return err
			}
		}
		c.AfterCommit(func() { r.ended(append([]string{id}, fallen...)) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return fallen, r.settle(append([]string{id}, fallen...)...)
}

// mayFall refuses a revocation that would take the caller with it, or the last
// enrollment that can do everything.
func (c *change) mayFall(p Principal, id string, fallen []string) error {
	if p.Kind == App && slices.Contains(fallen, p.Enrollment) {
		return &DecisionError{Suicide, fmt.Sprintf(
			"Cannot revoke enrollment %s: %s, the enrollment making this request, descends from it by approval", id, p.Enrollment)}
	}
	falls := append([]string{id}, fallen...)
	var roots []string
	for _, e := range c.old.enrollments {
		if e.isLastingRoot() {
			if !slices.Contains(falls, e.ID) {
				return nil
			}
			roots = append(roots, e.ID)
		}
	}
	if len(roots) == 0 {
		return nil
	}
	slices.Sort(roots)
	return &DecisionError{Suicide, fmt.Sprintf(
		"Cannot revoke enrollment %s: it would remove the fully privileged enrollment(s) %v and no fully privileged enrollment surviving it is permanent, so nobody could manage this atSign any more", id, roots)}
}

// isLastingRoot tells whether an enrollment can do everything, for ever.
func (e *Enrollment) isLastingRoot() bool {
	return e.Stored == Approved && e.ExpiresAt.IsZero() && e.Grants.IsRoot()
}

// below returns the approved enrollments that one let in, directly or through
// others, in the order of their ids.
func (s *snapshot) below(id string, now time.Time) []string {
	children := map[string][]string{}
	for _, e := range s.enrollments {
		if e.Parent != "" {
			children[e.Parent] = append(children[e.Parent], e.ID)
		}
	}
	var found []string
	seen := map[string]bool{id: true}
	for next := []string{id}; len(next) > 0; {
		one := next[0]
		next = next[1:]
		for _, child := range children[one] {
			if seen[child] {
				continue
			}
			seen[child] = true
			next = append(next, child)
			if s.enrollments[child].StatusAt(now) == Approved {
				found = append(found, child)
			}
		}
	}
	slices.Sort(found)
	return found
}

// Unrevoke takes a revocation back, of this one only. Who was let in by somebody
// revoked stays out with them.
func (r *Registry) Unrevoke(p Principal, id, from string) error {
	err := r.decide(p, Unrevoke, id, from, func(c *change, e *Enrollment) error {
		if parent := c.old.enrollments[e.Parent]; parent != nil && parent.StatusAt(c.Now()) != Approved {
			return &DecisionError{Orphan, fmt.Sprintf(
				"Failed to unrevoke enrollment id: %s. The enrollment that approved it, %s, is not approved", id, parent.ID)}
		}
		e.Stored, e.RevokedAt, e.RevokedBy = Approved, time.Time{}, ""
		return c.put(e)
	})
	if err != nil {
		return err
	}
	return r.settle(id)
}

// Delete forgets an enrollment that was denied, revoked or has expired, once
// nobody whom it let in is left. The audit trail keeps what it was.
func (r *Registry) Delete(p Principal, id, from string) error {
	judge := func(c *change, e *Enrollment) error {
		if left := c.old.below(id, c.Now()); len(left) > 0 {
			return &DecisionError{Orphan, fmt.Sprintf("Failed to delete enrollment id: %s. It approved %v, which still stand", id, left)}
		}
		return nil
	}
	// its private namespace is closed first, in steps, so that however large it is
	// the record goes last
	if err := r.decide(p, Delete, id, from, judge); err != nil {
		return err
	}
	if err := r.closePrivate(id); err != nil {
		return err
	}
	return r.change(func(c *change) error {
		e := c.old.enrollments[id]
		if e == nil {
			return nil
		}
		if err := c.rememberRevocation(e); err != nil {
			return err
		}
		return c.remove(id)
	})
}

// decide runs an act on an enrollment if the caller may and the state allows,
// and puts it on record. e is a copy that act may change.
func (r *Registry) decide(p Principal, op Op, id, from string, act func(*change, *Enrollment) error) error {
	return r.change(func(c *change) error {
		e := c.old.enrollments[id]
		if err := r.Authorize(p, r.ToDecide(id, op)); err != nil {
			return err
		}
		status := Expired
		if e != nil {
			status = e.StatusAt(c.Now())
		}
		if e == nil || status == Expired && p.Kind != Operator {
			return &StateError{Enrollment: id, Status: Expired}
		}
		if _, err := status.Next(op); err != nil {
			return err
		}
		if err := act(c, e.revised()); err != nil {
			return err
		}
		return c.Audit(store.Event{
			Actor: p.Actor(), Action: "enroll." + string(op), Target: id, Outcome: "allow", From: from,
			Detail: map[string]string{"app": e.App, "device": e.Device},
		})
	})
}
