package server

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"atserver/enroll"
	"atserver/verbs"
)

const (
	turnTimeout = 20 * time.Second // longest wait for the memory of a large reply
	slowestRead = 32 << 10         // bytes a second that a client takes of one, if others wait
)

// turns lends memory for large replies. Those who proved nothing have half as
// much, for themselves, so that they never make the owner wait.
type turns struct{ owners, strangers *pool }

func newTurns(bytes int) *turns { return &turns{newPool(bytes), newPool(bytes / 2)} }

// pool is the memory that connections of one sort share.
type pool struct {
	size int64
	free *semaphore.Weighted

	mu      sync.Mutex
	lent    int64 // in all, so far
	waiting int
	holders map[*conn]time.Time // until when one who takes it slowly may keep it
}

func newPool(bytes int) *pool {
	size := max(int64(bytes), 1)
	return &pool{size: size, free: semaphore.NewWeighted(size), holders: map[*conn]time.Time{}}
}

// step cuts off who has held memory for too long, if others wait for it.
func (t *turns) step(now time.Time) {
	for _, p := range []*pool{t.owners, t.strangers} {
		p.mu.Lock()
		for c, until := range p.holders {
			if p.waiting > 0 && now.After(until) {
				c.cut(Slow)
			}
		}
		p.mu.Unlock()
	}
}

// loans tells how much has been lent so far, and whether all of it is back.
func (t *turns) loans() (lent int64, idle bool) {
	idle = true
	for _, p := range []*pool{t.owners, t.strangers} {
		p.mu.Lock()
		lent, idle = lent+p.lent, idle && len(p.holders) == 0
		p.mu.Unlock()
	}
	return lent, idle
}

// turn is the loan of one reply.
type turn struct {
	*pool
	weight int64
}

// takeTurn waits for the memory of a reply: what is read and what is rendered of it.
func (c *conn) takeTurn(ctx context.Context, bytes int) error {
	if c.turn != nil {
		return nil
	}
	p := c.srv.turns.strangers
	if c.principal.Kind&enroll.Owner != 0 {
		p = c.srv.turns.owners
	}
	weight := min(2*int64(bytes), p.size)
	if err := p.take(ctx, weight); err != nil {
		return err
	}
	p.mu.Lock()
	p.lent += weight
	p.holders[c] = c.srv.options.Now().Add(writeTimeout + time.Duration(bytes/slowestRead)*time.Second)
	p.mu.Unlock()
	c.turn = &turn{p, weight}
	return nil
}

func (p *pool) take(ctx context.Context, weight int64) error {
	if p.free.TryAcquire(weight) {
		return nil
	}
	p.wait(1)
	defer p.wait(-1)
	limited, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	if p.free.Acquire(limited, weight) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return verbs.ErrBusy
}

func (p *pool) wait(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting += n
}

// endTurn gives the memory back, once the reply has left.
func (c *conn) endTurn() {
	if c.turn == nil {
		return
	}
	c.turn.mu.Lock()
	delete(c.turn.holders, c)
	c.turn.mu.Unlock()
	c.turn.free.Release(c.turn.weight)
	c.turn = nil
}
