package server

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// refresher has the copies of other atSigns' records asked for anew, once a day at a
// time that is each server's own, so that not all of them ask at once.
type refresher struct {
	run func(context.Context, time.Time) (int, error)
	log zerolog.Logger

	ctx   context.Context
	end   context.CancelFunc
	under sync.WaitGroup
	busy  chan struct{} // holds one while copies are being refreshed

	at   time.Duration // of the day, UTC
	next time.Time     // zero: not planned yet; of who holds Server.stepping
}

func newRefresher(run func(context.Context, time.Time) (int, error), log zerolog.Logger) *refresher {
	r := &refresher{run: run, log: log, busy: make(chan struct{}, 1), at: rand.N(23 * time.Hour)}
	r.ctx, r.end = context.WithCancel(context.Background())
	return r
}

// step starts a refresh when that is due at now. The first is planned by the first
// step.
func (r *refresher) step(now time.Time) {
	due := !r.next.IsZero() && !now.Before(r.next)
	if due || r.next.IsZero() {
		for r.next = now.UTC().Truncate(24 * time.Hour).Add(r.at); !r.next.After(now); {
			r.next = r.next.Add(24 * time.Hour)
		}
	}
	if due {
		r.start(now)
	}
}

// start refreshes aside, unless that is under way.
func (r *refresher) start(now time.Time) {
	select {
	case r.busy <- struct{}{}:
	default:
		return
	}
	if r.ctx.Err() != nil {
		return
	}
	r.under.Go(func() {
		defer func() { <-r.busy }()
		n, err := r.run(r.ctx, now)
		if err != nil {
			r.log.Error().Err(err).Msg("Copies not refreshed")
		} else {
			r.log.Debug().Int(fieldCount, n).Msg("Copies refreshed")
		}
	})
}

// stop ends a refresh that is under way.
func (r *refresher) stop() {
	r.end()
	r.under.Wait()
}
