package notify

import (
	"context"
	"errors"
	"time"

	"atserver/store"
)

const (
	pageNotes = 64        // notifications read from the store at once
	pageBytes = 256 << 10 // of their values
	pageRows  = 2000      // looked at for it
)

// Feed is the place of one monitor. It belongs to one goroutine.
type Feed struct {
	Idle func() error // called before Next waits; its error is Next's

	hub    *Hub
	seq    uint64    // number of the next event
	last   time.Time // of the newest notification that was told, or passed
	behind bool      // what is up to upTo is told from the store first
	upTo   time.Time
	lost   bool // changes may have been missed
	page   []store.Notification
}

// Watch returns a place behind everything that was published so far, or, with
// since, behind that time. Its owner sets Idle.
func (h *Hub) Watch(since *time.Time) *Feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watched++
	f := &Feed{hub: h, seq: h.head, last: h.last, Idle: func() error { return nil }}
	if since != nil && since.Before(h.last) {
		f.last, f.behind, f.upTo = *since, true, h.last
	}
	return f
}

// Close gives the place up.
func (f *Feed) Close() {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	f.hub.watched--
}

// ErrQuiet says that nothing happened for as long as the caller waits.
var ErrQuiet = errors.New("nothing happened")

// Next returns the next event once there is one. The error is ErrQuiet when enough
// comes before, else that of ctx or of the store.
func (f *Feed) Next(ctx context.Context, enough <-chan time.Time) (Event, error) {
	for {
		if ctx.Err() != nil {
			return Event{}, ctx.Err()
		}
		if len(f.page) > 0 {
			n := f.page[0]
			f.page = f.page[1:]
			return Event{Note: &n}, nil
		}
		if f.behind {
			if err := f.read(); err != nil {
				return Event{}, err
			}
			continue
		}
		if f.lost {
			f.lost = false
			return Event{Tick: true}, nil
		}
		e, some, news := f.take()
		if some {
			return e, nil
		}
		if news == nil { // fell behind
			continue
		}
		if err := f.Idle(); err != nil {
			return Event{}, err
		}
		select {
		case <-news:
		case <-enough:
			return Event{}, ErrQuiet
		case <-ctx.Done():
		}
	}
}

// take returns the next event that the hub holds. Without one, news is closed when
// there is; it is nil when the hub does not hold the next one any more.
func (f *Feed) take() (e Event, some bool, news <-chan struct{}) {
	h := f.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case f.seq < h.tail:
		f.seq, f.behind, f.upTo, f.lost = h.head, true, h.last, true
		return e, false, nil
	case f.seq == h.head:
		return e, false, h.news
	}
	e = h.events[f.seq%maxEvents]
	f.seq++
	if e.Note != nil {
		f.last = e.Note.At
	}
	return e, true, nil
}

// read gets a page of what the hub does not hold.
func (f *Feed) read() error {
	return f.hub.db.View(func(tx *store.Tx) error {
		f.page = nil
		rows, bytes := 0, 0
		for n, err := range tx.Notifications(f.last, f.upTo) {
			if err != nil {
				return err
			}
			f.last = n.At
			if n.Type != store.Sent {
				f.page = append(f.page, n)
				bytes += len(n.Value)
			}
			if rows++; len(f.page) >= pageNotes || bytes >= pageBytes || rows >= pageRows {
				return nil
			}
		}
		f.behind, f.last = false, f.upTo
		return nil
	})
}

// Size is about how much memory Line takes for an event.
func (f *Feed) Size(e Event) int {
	if e.line != nil {
		return 0
	}
	return max(e.bytes, e.Note.Size())
}

// Line returns the line by which a notification is told, nil when it has been
// removed. It is not to be changed.
func (f *Feed) Line(e Event) (line []byte, err error) {
	if e.line != nil {
		return e.line, nil
	}
	err = f.hub.db.View(func(tx *store.Tx) error {
		for n, err := range tx.Notifications(e.Note.At.Add(-time.Millisecond), e.Note.At) {
			if err == nil {
				err = tx.LoadNotification(&n)
			}
			if err != nil {
				return err
			}
			line = f.hub.render(nil, n)
		}
		return nil
	})
	return line, err
}
