package notify

// Figures are what an Outbox does now and has done since it was made.
type Figures struct {
	Serving, Waiting int // recipients: being sent something; waiting for their turn or for the next try

	Delivered, Refused, Expired int64 // notifications that came to an end
	Failed                      int64 // tries that did not come to one
}

// Figures takes them now.
func (o *Outbox) Figures() Figures {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Figures{
		Serving: o.workers, Waiting: len(o.known) - o.workers,
		Delivered: o.delivered.Load(), Refused: o.refused.Load(), Expired: o.expired.Load(), Failed: o.failed.Load(),
	}
}

// Watched tells how many monitors there are, and how many events were published so
// far.
func (h *Hub) Watched() (monitors int, events uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.watched, h.head
}
