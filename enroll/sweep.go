package enroll

import (
	"time"

	"atserver/store"
)

// Retention is how long enrollments that were denied or have expired are listed
// before they are forgotten. The audit trail keeps them.
const Retention = 30 * 24 * time.Hour

// Sweep does what is due: moves private namespaces that have to move, and forgets
// what is past its retention. It looks at memory only unless there is something.
func (r *Registry) Sweep() error {
	s, now := r.snapshot.Load(), r.Time()
	for id, e := range s.enrollments {
		status := e.StatusAt(now)
		if e.Private != e.wanted(status) {
			if err := r.settle(id); err != nil {
				return err
			}
		}
		ended := e.DecidedAt
		if status == Expired {
			ended = e.ExpiresAt
		}
		if (status == Denied || status == Expired) && now.Sub(ended) >= Retention && len(s.below(id, now)) == 0 {
			if err := r.closePrivate(id); err != nil {
				return err
			}
			if err := r.change(func(c *change) error {
				if c.old.enrollments[id] == nil {
					return nil
				}
				if err := c.remove(id); err != nil {
					return err
				}
				return c.Audit(store.Event{Actor: "server", Action: "enroll.forget", Target: id, Outcome: "allow"})
			}); err != nil {
				return err
			}
		}
	}
	return nil
}
