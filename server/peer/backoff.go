package peer

import (
	"math/rand/v2"
	"time"
)

const (
	leastPause = time.Second
	mostPause  = 30 * time.Second
)

// backoff keeps a failure for a while, so that not everybody who asks meets it anew. The pause doubles up to the most,
// and is shorter by chance so that servers which failed together do not come back together.
type backoff struct {
	err   error
	until time.Time
	pause time.Duration
}

func (b *backoff) failed(err error, now time.Time, most time.Duration) {
	b.pause = min(max(2*b.pause, leastPause), most)
	b.err, b.until = err, now.Add(b.pause-rand.N(b.pause/4))
}

// waits returns the last failure while its pause lasts.
func (b *backoff) waits(now time.Time) error {
	if now.Before(b.until) {
		return b.err
	}
	return nil
}

// isOver tells whether the last failure no longer matters, not even for the length of the next pause.
func (b *backoff) isOver(now time.Time) bool {
	return b.err == nil || now.After(b.until.Add(mostPause))
}
