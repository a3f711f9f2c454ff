package store

import (
	"slices"
	"sync"
	"time"

	"atserver/store/atkey"
)

// maxFleeting is how many bytes of ephemeral notifications are kept. The oldest
// make way.
const maxFleeting = 4 << 20

// fleeting is the ephemeral notifications, oldest first. They come and go with
// commits, and are no part of what a transaction sees as one state.
type fleeting struct {
	now func() time.Time

	mu    sync.Mutex
	notes []Notification
	bytes int
}

// weight is about what one takes in memory.
func weight(n Notification) int { return len(n.Value) + len(n.Key) + 512 }

func (f *fleeting) add(n Notification) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetExpired()
	f.notes = append(f.notes, n)
	for f.bytes += weight(n); f.bytes > maxFleeting; {
		f.bytes -= weight(f.notes[0])
		f.notes = slices.Delete(f.notes, 0, 1)
	}
}

// all returns those that have not expired.
func (f *fleeting) all() []Notification {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.notes) == 0 {
		return nil
	}
	f.forgetExpired()
	return slices.Clone(f.notes)
}

func (f *fleeting) forgetExpired() {
	now := f.now()
	f.drop(func(n Notification) bool { return n.Expired(now) })
}

func (f *fleeting) drop(gone func(Notification) bool) {
	f.notes = slices.DeleteFunc(f.notes, func(n Notification) bool {
		if gone(n) {
			f.bytes -= weight(n)
			return true
		}
		return false
	})
}

func (f *fleeting) remove(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(func(n Notification) bool { return n.At.Equal(at) })
}

func (f *fleeting) settle(at time.Time, status NotificationStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.notes {
		if f.notes[i].At.Equal(at) {
			f.notes[i].Status = status
		}
	}
}

// waiting returns the recipients of those that are to be sent.
func (f *fleeting) waiting() (to []atkey.Sign) {
	for _, n := range f.all() {
		if n.Type == Sent && n.Status == Queued && !slices.Contains(to, n.To) {
			to = append(to, n.To)
		}
	}
	return to
}

func (f *fleeting) nextFor(to atkey.Sign) (Notification, bool) {
	for _, n := range f.all() {
		if n.Type == Sent && n.Status == Queued && n.To == to {
			return n, true
		}
	}
	return Notification{}, false
}
