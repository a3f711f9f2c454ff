package server

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"atserver/server/notify"
	"atserver/verbs"
)

// monitor is what a connection has that is told of notifications: a second
// goroutine, which tells.
type monitor struct {
	monitors    atomic.Bool
	multiplexed bool // nothing is told while a command is under way, not only no figures
	hushed      bool // the connection's goroutine holds quiet
	ended       chan struct{}
	stop        context.CancelFunc

	pen   token // of who writes; nil as long as there is no second goroutine
	quiet token // held while a command is under way that is not answered
}

// token is held by one of a connection's two goroutines. Nobody else waits for it.
type token chan struct{}

func (t token) take() {
	if t != nil {
		t <- struct{}{}
	}
}

func (t token) give() {
	if t != nil {
		<-t
	}
}

// startMonitor begins to tell the client what watch lets through, instead of what
// it was told before.
func (c *conn) startMonitor(watch *verbs.Watch) {
	if c.stop != nil {
		c.stop()
	} else {
		c.pen, c.quiet = make(token, 1), make(token, 1)
	}
	before := c.ended
	var ctx context.Context
	ctx, c.stop = context.WithCancel(c.ctx)
	c.ended = make(chan struct{})
	c.multiplexed = watch.Multiplexed
	c.monitors.Store(true)
	c.hush()
	feed := c.srv.hub.Watch(watch.Since)
	feed.Idle = c.flush
	go c.tell(ctx, watch, feed, before, c.ended)
}

// endMonitor waits for the second goroutine, if there is one.
func (c *conn) endMonitor() {
	if c.ended != nil {
		c.stop()
		<-c.ended
	}
}

// hush keeps the second goroutine from telling figures until speak, so that a change
// is answered before it is told; if multiplexed, from telling anything.
func (c *conn) hush() {
	if c.quiet != nil && !c.hushed {
		c.quiet.take()
		c.hushed = true
	}
}

// giveWay sends what is ready before a command waits for another server, and lets
// the second goroutine go on meanwhile.
func (c *conn) giveWay() {
	c.flush() // a failure shows when the answer is sent
	if !c.multiplexed {
		c.speak()
	}
}

func (c *conn) speak() {
	if c.hushed {
		c.hushed = false
		c.quiet.give()
	}
}

// tell is the second goroutine. It begins when the one before it has ended. When
// nothing was told for a while it rests, as the first one does.
func (c *conn) tell(ctx context.Context, watch *verbs.Watch, feed *notify.Feed, before <-chan struct{}, ended chan<- struct{}) {
	rests := false
	defer func() {
		if !rests {
			feed.Close()
			close(ended)
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			c.srv.options.Log.Error().Uint64(fieldConn, c.id).Interface("panic", p).
				Bytes("stack", debug.Stack()).Msg("Monitor panicked")
			c.cut(Panicked)
		}
	}()
	if before != nil {
		<-before
	}
	var silence <-chan time.Time
	busy := false // something was told since silence was last waited for
	for {
		e, err := feed.Next(ctx, silence)
		switch {
		case errors.Is(err, notify.ErrQuiet) && !busy:
			rests = true
			go c.tell(ctx, watch, feed, nil, ended)
			return
		case errors.Is(err, notify.ErrQuiet):
			busy, silence = false, time.After(restAfter)
			continue
		case err == nil:
			if err = c.tellEvent(ctx, watch, feed, e); silence == nil {
				silence = time.After(restAfter)
			}
			busy = true
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.cut(Broken)
			return
		}
	}
}

// tellEvent tells of one event, if the client wants to know.
func (c *conn) tellEvent(ctx context.Context, watch *verbs.Watch, feed *notify.Feed, e notify.Event) (err error) {
	var line []byte
	switch {
	case e.Note == nil:
		line, err = watch.AppendStats(nil, e.Change)
	case watch.Wants(*e.Note):
		if size := feed.Size(e); size > maxHeld {
			p := c.srv.turns.owners
			weight := min(2*int64(size), p.size)
			if err := p.take(ctx, weight); err != nil {
				return err
			}
			defer p.free.Release(weight)
		}
		line, err = feed.Line(e)
	}
	if err != nil || len(line) == 0 {
		return err
	}
	return c.push(ctx, line, watch.Multiplexed || e.Note == nil)
}

// push puts one line into the outbox, in records of its own, after the replies of
// commands under way if polite. It leaves with those that there are to tell besides.
func (c *conn) push(ctx context.Context, line []byte, polite bool) error {
	if polite {
		select {
		case c.quiet <- struct{}{}:
			defer c.quiet.give()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.pen.take()
	defer c.pen.give()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.out.put(line)
}

func (c *conn) put(unit []byte) error {
	c.pen.take()
	defer c.pen.give()
	return c.out.put(unit)
}

func (c *conn) flush() error {
	c.pen.take()
	defer c.pen.give()
	return c.out.flush()
}

// slow is the reason to cut a connection whose client does not read.
func (c *conn) slow() Reason {
	if c.monitors.Load() {
		return SlowMonitor
	}
	return Slow
}
