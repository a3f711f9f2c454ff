package enroll

import (
	"sync"
	"time"

	"atserver/store"
)

// maxLate bounds the logins that wait to be put on record. Those that failed take
// half of that, so that who guesses keeps nobody out.
const maxLate = 1000

// late are logins that the disk had no room for, or failed to take. They stand at
// the head of the next entries that it takes, with the time when they happened.
// For the owner must get in to read when nothing can be written, and who is in
// then can change nothing.
type late struct {
	mu     sync.Mutex
	events []store.Event
}

// take hands them all to whoever tries to write them.
func (l *late) take() []store.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// put takes back those that were not written.
func (l *late) put(events []store.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(events, l.events...)
}

// add keeps one more, and tells whether there was room for it.
func (l *late) add(e store.Event, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := maxLate
	if e.Outcome == "deny" {
		most /= 2
	}
	if len(l.events) >= most {
		return false
	}
	e.Detail = map[string]string{"at": at.Format(time.RFC3339Nano)}
	l.events = append(l.events, e)
	return true
}
