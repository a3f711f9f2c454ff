package verbs

import (
	"errors"
	"fmt"

	"atserver/enroll"
)

// decisionArgs are the arguments of the verbs that decide about an enrollment.
type decisionArgs struct {
	enrollParams
	force bool
}

// decision makes a verb "enroll:<op>[:force]:{"enrollmentId":...}". What it needs
// is to be allowed to decide about that enrollment; run decides and returns the
// members that the reply has besides.
func decision(op enroll.Op, check func(decisionArgs) error, run func(*Call, decisionArgs) (reply []byte, err error)) Verb {
	name := "enroll:" + string(op)
	return define(
		Verb{Name: name, Usage: fmt.Sprintf(`e.g. %s:{"enrollmentId":"<id>"}`, name), Who: enroll.App},
		func(l *line) (a decisionArgs, err error) {
			a.force = l.take(":force")
			if a.enrollParams, err = l.enrollParams(); err != nil {
				return a, err
			}
			if a.EnrollmentID == "" {
				return a, illegal("enrollmentId is mandatory for " + name)
			}
			return a, check(a)
		},
		func(c *Call, a decisionArgs) []enroll.Need {
			if op == enroll.Revoke && a.EnrollmentID == c.Principal.Enrollment {
				return nil // its own rule: see Registry.Revoke
			}
			return []enroll.Need{c.Registry.ToDecide(a.EnrollmentID, op)}
		},
		func(c *Call, a decisionArgs) (Reply, error) {
			reply, err := run(c, a)
			var state *enroll.StateError
			var transition *enroll.TransitionError
			switch {
			case errors.As(err, &state) && state.Enrollment == a.EnrollmentID:
				return Reply{}, undecidable(c, op, state)
			case errors.As(err, &transition):
				return Reply{}, illegalState(wrongState(a.EnrollmentID, transition))
			case err != nil:
				return Reply{}, err
			}
			return Reply{Data: reply}, nil
		},
	)
}

// accept is the check of operations that need the id only.
func accept(decisionArgs) error { return nil }

// decided renders what an enrollment is now.
func decided(status enroll.Status, id string) []byte {
	o := object{b: []byte{'{'}}
	o.text("status", string(status))
	o.text("enrollmentId", id)
	return append(o.b, '}')
}

// undecidable answers an act on an enrollment that is unknown or has expired.
func undecidable(c *Call, op enroll.Op, state *enroll.StateError) error {
	if e, _ := c.Registry.Get(state.Enrollment); e == nil && op == enroll.Delete {
		return notFound(enrollmentKey(c.Env, state.Enrollment))
	}
	return turnedAway(state)
}

// enrollmentKey is the name by which clients know the record of an enrollment.
func enrollmentKey(env *Env, id string) string {
	return id + ".new.enrollments." + enroll.Manage + string(env.Sign)
}

// wrongState words a transition that there is none, the way clients know it.
func wrongState(id string, t *enroll.TransitionError) string {
	if t.Op == enroll.Delete {
		return fmt.Sprintf("Failed to delete enrollment id: %s | Cause: Cannot delete %s enrollments. Only denied and revoked enrollments can be deleted", id, t.From)
	}
	words := map[enroll.Op][3]string{
		enroll.Approve:  {"approve", "pending", "approved"},
		enroll.Deny:     {"deny", "pending", "denied"},
		enroll.Revoke:   {"revoke", "approved", "revoked"},
		enroll.Unrevoke: {"un-revoke", "revoked", "un-revoked"},
	}[t.Op]
	return fmt.Sprintf("Failed to %s enrollment id: %s. Cannot %s a %s enrollment. Only %s enrollments can be %s",
		t.Op, id, words[0], t.From, words[1], words[2])
}
