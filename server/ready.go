package server

import (
	"fmt"
	"time"

	"atserver/store"
)

// Readiness is whether a server can do all that it is for. Checks tells of each
// part "ok", or what is wrong with it.
type Readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
}

// maxBack is how far the clock may be behind the latest change before what expires
// can no longer be trusted to.
const maxBack = time.Minute

// readiness asks each part. It reads no record and writes nothing.
func (s *Server) readiness() Readiness {
	now, state := s.options.Now(), Readiness{Ready: true, Checks: map[string]string{}}
	health := s.db.Health()
	for _, check := range []struct {
		of  string
		err error
	}{
		{"listener", s.listens()},
		{"store", health},
		{"audit", health}, // which is written with each change, or neither is
		{"certificate", s.certificates.valid(now)},
		{"peer certificate", s.shown.valid(now)},
		{"clock", s.clockRuns(now)},
	} {
		state.Checks[check.of] = "ok"
		if check.err != nil {
			state.Ready, state.Checks[check.of] = false, check.err.Error()
		}
	}
	return state
}

// listens returns why no connections are taken, nil if they are.
func (s *Server) listens() error {
	if fault := s.deaf.Load(); fault != nil {
		return *fault
	}
	return nil
}

// hear notes why no connections are taken.
func (s *Server) hear(fault error) {
	if fault == nil {
		s.deaf.Store(nil)
	} else {
		s.deaf.Store(&fault)
	}
}

// clockRuns compares the clock with the time of the latest change.
func (s *Server) clockRuns(now time.Time) error {
	return s.db.View(func(tx *store.Tx) error {
		if back := tx.Now().Sub(now); back > maxBack {
			return fmt.Errorf("is %s behind the latest change", back.Round(time.Second))
		}
		return nil
	})
}
