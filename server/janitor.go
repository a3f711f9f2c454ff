package server

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"atserver/enroll"
)

// janitorEvery is the only tick of an idle server.
const janitorEvery = 5 * time.Second

// janitor does what is due while the server runs. The steps take the time, so
// that tests call them instead of waiting.
func (s *Server) janitor(ctx context.Context) {
	tick := time.NewTicker(janitorEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.tick()
		}
	}
}

// tick is one Step, whose panic ends nothing but itself.
func (s *Server) tick() {
	defer func() {
		if p := recover(); p != nil {
			s.options.Log.Error().Interface("panic", p).Bytes("stack", debug.Stack()).Msg("Janitor panicked")
		}
	}()
	s.Step(s.options.Now())
}

// Step does everything that is due at a time: ends idle connections, removes
// expired records and notifications, ticks for monitors, keeps the access log, closes unused connections to other servers,
// has copies of their records refreshed, loads changed certificates, warns of their end and renews our own.
func (s *Server) Step(now time.Time) {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	s.freeAfterBurst()
	s.gate.step(now)
	s.turns.step(now)
	s.gate.end(s.stays)
	s.hub.Step(now)
	if err := s.expiry.Run(now); err != nil {
		s.options.Log.Error().Err(err).Msg("Expired notifications not removed")
	}
	if s.options.Onboarded != nil && !s.onboarded && !s.AwaitsOnboarding() {
		s.onboarded = true
		s.options.Onboarded()
	}
	if err := errors.Join(s.env.Accesses.Flush(), s.env.Accesses.Compact(now)); err != nil {
		s.options.Log.Error().Err(err).Msg("Access log not kept")
	}
	s.peers.Step()
	s.carriers.Step()
	s.refresher.step(now)
	if s.certificates.step(); s.shown != s.certificates {
		s.shown.step()
	}
	if s.authority != nil && now.Add(renewBefore).After(s.certificates.validUntil()) {
		if err := s.authority.Issue(s.options.Name, now); err != nil {
			s.options.Log.Error().Err(err).Msg("Own certificate not renewed")
		}
		s.certificates.step()
	}
	if s.certificates.warn(now); s.shown != s.certificates {
		s.shown.warn(now)
	}
	if now.Sub(s.swept) >= s.options.SweepEvery {
		s.swept = now
		if err := s.env.Registry.Sweep(); err != nil {
			s.options.Log.Error().Err(err).Msg("Sweep of enrollments failed")
		}
		n, err := s.db.Sweep(now)
		if err != nil {
			s.options.Log.Error().Err(err).Msg("Sweep failed")
		} else if n > 0 {
			s.options.Log.Debug().Int(fieldCount, n).Msg("Expired records removed")
		}
	}
}

const (
	burst   = 24 << 20  // bytes that must have been in use before memory is given back
	perConn = 256 << 10 // that a connection counts for: its handshake, its login
)

// freeAfterBurst gives back what many connections or large values left behind, once
// no more come: the collector alone would keep it for long.
func (s *Server) freeAfterBurst() {
	replies, idle := s.turns.loans()
	used := int64(s.nextID.Load())*perConn + s.budget.lent.Load() + replies
	if quiet := used == s.usedBefore && idle && s.budget.idle(); quiet && used-s.freedAt >= burst {
		debug.FreeOSMemory()
		s.freedAt = used
	}
	s.usedBefore = used
}

// expiredStays is how long the connection of an enrollment that has expired may
// stay silent. It may do nothing any more, but a client that says something first
// is told why its connection ends; some cannot do without a last line.
const expiredStays = 10 * time.Second

// stays tells whether the connections of an enrollment may stay.
func (s *Server) stays(enrollment string) bool {
	e, status := s.env.Registry.Get(enrollment)
	return status == enroll.Approved ||
		e != nil && status == enroll.Expired && e.Stored == enroll.Approved && s.env.Registry.Time().Sub(e.ExpiresAt) < expiredStays
}

// acts tells whether an enrollment may act now.
func (s *Server) acts(enrollment string) bool {
	_, status := s.env.Registry.Get(enrollment)
	return status == enroll.Approved
}
