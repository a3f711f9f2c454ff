package notify

import (
	"context"
	"strings"
	"sync"
	"time"

	"atserver/store"
)

const (
	maxEvents = 1024     // that the hub holds
	maxHeld   = 1 << 20  // bytes in them
	maxLine   = 64 << 10 // a longer one is rendered by each monitor for itself
)

// Event is something that monitors may have to tell.
type Event struct {
	Note   *store.Notification // its value may be missing: see Feed.Line
	Change *store.Change
	Tick   bool // nothing happened for a while, or it is not known what

	line  []byte // nil: render it anew
	bytes int    // of the value
}

// Hub tells monitors what happens. It holds the latest events only, one copy for
// all: who wants older ones reads them from the store.
type Hub struct {
	db     *store.DB
	render func([]byte, store.Notification) []byte
	every  time.Duration // between two ticks; 0: none
	bell   chan struct{} // something was published

	mu      sync.Mutex
	events  [maxEvents]Event // by number, modulo
	tail    uint64           // number of the oldest
	head    uint64           // number that comes next
	held    int              // bytes in them
	last    time.Time        // of the newest notification published
	news    chan struct{}    // closed when something was published
	watched int              // feeds that are open
	ticked  time.Time
}

// NewHub returns a hub for what is kept in db. render makes the line by which a
// notification is told.
func NewHub(db *store.DB, every time.Duration, render func([]byte, store.Notification) []byte) (*Hub, error) {
	h := &Hub{db: db, render: render, every: every, bell: make(chan struct{}, 1), news: make(chan struct{})}
	err := db.View(func(tx *store.Tx) (err error) {
		h.last, err = tx.LastNotified()
		return err
	})
	return h, err
}

// Run wakes the monitors until ctx ends, so that who publishes need not.
func (h *Hub) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.bell:
			h.mu.Lock()
			news := h.news
			h.news = make(chan struct{})
			h.mu.Unlock()
			close(news)
		}
	}
}

// Publish tells of a notification that was kept. It is called in the order of
// their times.
func (h *Hub) Publish(n store.Notification) {
	h.mu.Lock()
	watched := h.watched > 0
	h.mu.Unlock()
	e := Event{Note: outline(n), bytes: len(n.Value)}
	if watched && len(n.Value) < maxLine {
		if line := h.render(nil, n); len(line) <= maxLine {
			e.line = line
		}
	}
	h.publish(e)
}

// outline is a notification without its value and without the memory of the
// command that brought it.
func outline(n store.Notification) *store.Notification {
	return &store.Notification{
		ID: strings.Clone(n.ID), From: n.From.Clone(), To: n.To.Clone(), At: n.At, Key: strings.Clone(n.Key),
		Type: n.Type, Op: n.Op, Text: n.Text, Expires: n.Expires,
	}
}

// Changed tells of a record that was changed. Of the command that changed it, which
// may have 10 MB, no part is held.
func (h *Hub) Changed(c store.Change) {
	c.Key = c.Key.Clone()
	h.publish(Event{Change: &c})
}

// Step ticks when that is due at now.
func (h *Hub) Step(now time.Time) {
	h.mu.Lock()
	due := h.every > 0 && now.Sub(h.ticked) >= h.every
	if due {
		h.ticked = now
	}
	h.mu.Unlock()
	if due {
		h.publish(Event{Tick: true})
	}
}

func (h *Hub) publish(e Event) {
	h.mu.Lock()
	if e.Note != nil {
		h.last = e.Note.At
	}
	h.events[h.head%maxEvents] = e
	h.held += e.size()
	h.head++
	for h.head-h.tail > maxEvents-1 || h.held > maxHeld {
		oldest := &h.events[h.tail%maxEvents]
		h.held -= oldest.size()
		*oldest = Event{}
		h.tail++
	}
	h.mu.Unlock()
	select {
	case h.bell <- struct{}{}:
	default: // it rings already
	}
}

func (e Event) size() int {
	if e.Note == nil {
		return 0
	}
	return len(e.line) + len(e.Note.Key)
}
