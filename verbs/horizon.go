package verbs

import (
	"sync"

	"atserver/enroll"
)

// Horizons remember, for apps that see few entries of a long commit log, up to
// where there was nothing for them. Without that each question for what is new
// would pass the entries of all others again.
type Horizons struct {
	mu sync.Mutex
	of map[view]horizon
}

// view is who looks at the log, and through which expression.
type view struct {
	enrollment *enroll.Enrollment // another one when its rights change
	pattern    string
}

// horizon is what is known of a view. Entries are added at the end of the log only,
// so that it stays true.
type horizon struct {
	last int64 // newest entry that is seen, -1: none
	upTo int64 // from last to this one there is nothing to see
}

var nowhere = horizon{-1, -1}

const (
	maxHorizons = 256 // that are remembered
	farEnough   = 64  // entries that a horizon must spare to be worth it
)

// NewHorizons returns horizons of which none is known.
func NewHorizons() *Horizons { return &Horizons{of: map[view]horizon{}} }

func (h *Horizons) get(v view) horizon {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, ok := h.of[v]; ok {
		return known
	}
	return nowhere
}

func (h *Horizons) put(v view, known horizon) {
	if known.upTo-known.last < farEnough {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.of[v]; !ok && len(h.of) >= maxHorizons {
		for other := range h.of { // any
			delete(h.of, other)
			break
		}
	}
	h.of[v] = known
}
