package enroll

import (
	"sync"
	"time"
)

// guard slows down whoever guesses passcodes and bounds what strangers may ask.
// It counts in memory: by address, so that nobody pays for another, and in all.
type guard struct {
	mu        sync.Mutex
	addresses map[string]*suspect
	wrong     []time.Time // wrong passcodes from everywhere, the last hour

	wrongFromOne, wrongFromAll, asked int // limits in a guardWindow
}

// suspect is what is known of one address. Times are of the last guardWindow.
type suspect struct {
	wrong  []time.Time
	asked  []time.Time // requests without a right passcode
	delay  int         // place in delays
	seenAt time.Time
}

const (
	guardWindow = time.Hour
	// maxSuspects bounds the memory of the guard; the longest unseen are forgotten.
	maxSuspects = 10_000
)

// delays is how long wrong passcodes wait for their answer, in seconds.
var delays = []int{1, 2, 3, 5, 8, 13, 21, 34, 55}

func newGuard(testing bool) *guard {
	g := &guard{addresses: map[string]*suspect{}, wrongFromOne: 5, wrongFromAll: 20, asked: 20}
	if testing {
		g.wrongFromOne, g.wrongFromAll, g.asked = 100*g.wrongFromOne, 100*g.wrongFromAll, 100*g.asked
	}
	return g
}

// admit tells whether an address may try a passcode now.
func (g *guard) admit(from string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.addresses[from]
	if s == nil {
		return true
	}
	s.wrong, s.asked = recent(s.wrong, now), recent(s.asked, now)
	return len(s.wrong) < g.wrongFromOne && len(s.asked) < g.asked
}

// failed notes a wrong passcode. It tells how long to wait with the answer, and
// whether there were so many, from everywhere, that all live codes are void.
func (g *guard) failed(from string, now time.Time) (wait time.Duration, void bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.addresses[from]
	if s == nil {
		g.forget(now)
		s = &suspect{}
		g.addresses[from] = s
	}
	s.seenAt = now
	s.wrong, s.asked = append(recent(s.wrong, now), now), append(recent(s.asked, now), now)
	wait = time.Duration(delays[s.delay]) * time.Second
	s.delay = min(s.delay+1, len(delays)-1)
	g.wrong = append(recent(g.wrong, now), now)
	if len(g.wrong) >= g.wrongFromAll {
		g.wrong = nil
		void = true
	}
	return wait, void
}

// passed notes a right passcode: the address is trusted again, once it has not
// guessed for as long as the longest delay. Otherwise one passcode that may be
// used often would pay for any number of guesses.
func (g *guard) passed(from string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.addresses[from]
	if s == nil {
		return
	}
	s.asked = nil
	if now.Sub(s.seenAt) >= time.Duration(delays[len(delays)-1])*time.Second {
		s.delay = 0
	}
}

// forget makes room for one more address.
func (g *guard) forget(now time.Time) {
	if len(g.addresses) < maxSuspects {
		return
	}
	oldest := ""
	for from, s := range g.addresses {
		if now.Sub(s.seenAt) > guardWindow {
			delete(g.addresses, from)
		} else if oldest == "" || s.seenAt.Before(g.addresses[oldest].seenAt) {
			oldest = from
		}
	}
	if len(g.addresses) >= maxSuspects {
		delete(g.addresses, oldest)
	}
}

// recent drops what is older than guardWindow.
func recent(times []time.Time, now time.Time) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= guardWindow {
		times = times[1:]
	}
	return times
}
