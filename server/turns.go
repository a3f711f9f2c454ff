package server

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"atserver/enroll"
	"atserver/verbs"
)

const (
	turnTimeout = 20 * time.Second // longest wait for the memory of a large reply
	slowestRead = 32 << 10         // bytes a second that a client must take of one
)

// turns lends memory for large replies. Those who proved nothing have half as
// much, for themselves, so that they never make the owner wait.
type turns struct{ owners, strangers pool }

type pool struct {
	*semaphore.Weighted
	size int64
}

func newPool(bytes int) pool {
	size := max(int64(bytes), 1)
	return pool{semaphore.NewWeighted(size), size}
}

func newTurns(bytes int) *turns { return &turns{newPool(bytes), newPool(bytes / 2)} }

// turn is the loan of one reply.
type turn struct {
	pool
	weight int64
	late   *time.Timer // cuts off who does not read
}

// takeTurn waits for the memory of a reply: the value and what is rendered of it.
func (c *conn) takeTurn(ctx context.Context, bytes int) error {
	if c.turn != nil {
		return nil
	}
	p := c.srv.turns.strangers
	if c.principal.Kind&enroll.Owner != 0 {
		p = c.srv.turns.owners
	}
	wait, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	weight := min(2*int64(bytes), p.size)
	if p.Acquire(wait, weight) != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return verbs.ErrBusy
	}
	patience := writeTimeout + time.Duration(bytes/slowestRead)*time.Second
	c.turn = &turn{p, weight, time.AfterFunc(patience, func() { c.cut(Slow) })}
	return nil
}

// endTurn gives the memory back, once the reply has left.
func (c *conn) endTurn() {
	if c.turn == nil {
		return
	}
	c.turn.late.Stop()
	c.turn.Release(c.turn.weight)
	c.turn = nil
}
