package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"atserver/store"
	"atserver/store/atkey"
)

// Asker says a line to another atSign's server and returns what follows "data:" in
// its reply. proven says whose line it is first.
type Asker interface {
	Ask(ctx context.Context, of atkey.Sign, proven bool, line string) (payload string, err error)
}

// Verdict is what an error of Ask comes to.
type Verdict uint8

const (
	Again   Verdict = iota // may work later
	Simpler                // the other side does not know the grammar
	Never                  // there is no such atSign, or its server will not take it however often it is sent
)

// Options say how to deliver.
type Options struct {
	DB    *store.DB
	Peers Asker
	Judge func(error) Verdict
	Now   func() time.Time
	Log   zerolog.Logger
}

const (
	maxWorkers  = 192      // recipients that are being served at once, fewer than there are connections for,
	maxRetrying = 64       // of them those that could not be reached before
	maxKnown    = 10_000   // recipients in memory; what waits for others is found later
	maxInARow   = 32       // notifications for one recipient while others wait for a worker
	maxMemory   = 32 << 20 // of values above 64 KiB on their way
	answerTime  = 10 * time.Second
	slowest     = 64 << 10 // bytes of a value that are sent in a second at least

	firstWait  = 200 * time.Millisecond
	waitFactor = 1.618
	longest    = 10 * time.Second
)

// Outbox delivers what waits for other atSigns, for each in order. A recipient that
// cannot be reached costs a timer; a goroutine only while it is tried.
type Outbox struct {
	Options
	memory *semaphore.Weighted

	mu       sync.Mutex
	known    map[atkey.Sign]*recipient
	ready    []atkey.Sign // to be served, those that were never out of reach
	again    []atkey.Sign // to be tried again
	workers  int
	trying   int  // workers of those that are tried again
	missed   bool // there were too many recipients to know all
	closed   bool
	running  sync.WaitGroup
	ctx      context.Context
	dialects map[atkey.Sign]dialect

	delivered, refused, expired, failed atomic.Int64
}

// recipient is an atSign that notifications wait for.
type recipient struct {
	wait    time.Duration // before the next try; 0: it can be reached, as far as is known
	timer   *time.Timer   // runs while it waits
	serving bool
	more    bool // something came while it was being served
}

// NewOutbox returns an outbox that delivers once it runs.
func NewOutbox(o Options) *Outbox {
	return &Outbox{
		Options: o, memory: semaphore.NewWeighted(maxMemory), closed: true,
		known: map[atkey.Sign]*recipient{}, dialects: map[atkey.Sign]dialect{},
	}
}

// Run delivers what waits until ctx ends. What was not delivered then is when it
// runs again.
func (o *Outbox) Run(ctx context.Context) error {
	o.mu.Lock()
	o.ctx, o.closed = ctx, false
	o.mu.Unlock()
	err := o.find()
	<-ctx.Done()
	o.mu.Lock()
	o.closed = true
	for _, r := range o.known {
		if r.timer != nil {
			r.timer.Stop()
		}
	}
	o.mu.Unlock()
	o.running.Wait()
	return err
}

// find wakes for all that waits in the store.
func (o *Outbox) find() error {
	return o.DB.View(func(tx *store.Tx) error {
		for to, err := range tx.Waiting() {
			if err != nil {
				return err
			}
			o.Wake(to)
		}
		return nil
	})
}

// Wake says that a notification waits for an atSign.
func (o *Outbox) Wake(to atkey.Sign) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.known[to]
	switch {
	case o.closed:
		return
	case r != nil:
		r.more = true
		return
	case len(o.known) >= maxKnown:
		o.missed = true
		return
	}
	o.known[to] = &recipient{}
	o.ready = append(o.ready, to)
	o.start()
}

// start gives work to free workers. Those that are tried again leave some for all
// others.
func (o *Outbox) start() {
	for !o.closed && o.workers < maxWorkers {
		var to atkey.Sign
		switch {
		case len(o.ready) > 0:
			to, o.ready = o.ready[0], o.ready[1:]
		case len(o.again) > 0 && o.trying < maxRetrying:
			to, o.again = o.again[0], o.again[1:]
		default:
			return
		}
		r := o.known[to]
		r.serving, r.more = true, false
		retrying := r.wait > 0
		o.workers++
		if retrying {
			o.trying++
		}
		o.running.Go(func() { o.serve(to, retrying) })
	}
}

// outcome is how serving a recipient ended.
type outcome uint8

const (
	empty   outcome = iota // nothing waits any more
	busy                   // others have a turn first
	blocked                // it cannot be reached
)

// serve sends what waits for a recipient, and then plans what comes next.
func (o *Outbox) serve(to atkey.Sign, retrying bool) {
	end := blocked
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.workers--
		if retrying {
			o.trying--
		}
		o.plan(to, end)
		o.start()
	}()
	defer func() {
		if p := recover(); p != nil {
			o.Log.Error().Interface("panic", p).Msg("Delivery panicked")
		}
	}()
	for range maxInARow {
		ended, err := o.next(to)
		if errors.Is(err, store.ErrNotFound) {
			end = empty
			return
		}
		if err != nil && o.ctx.Err() == nil {
			o.Log.Error().Err(err).Msg("Delivery failed")
		}
		if err != nil || !ended {
			return
		}
	}
	end = busy
}

// plan says when a recipient is served next.
func (o *Outbox) plan(to atkey.Sign, end outcome) {
	r := o.known[to]
	r.serving = false
	switch {
	case o.closed:
	case end == empty && !r.more:
		delete(o.known, to)
		if o.missed && len(o.known) < maxKnown/2 {
			o.missed = false
			o.running.Go(func() {
				if err := o.find(); err != nil {
					o.Log.Error().Err(err).Msg("Queue not read")
				}
			})
		}
	case end == busy && r.wait > 0:
		o.again = append(o.again, to)
	case end != blocked:
		o.ready = append(o.ready, to)
	default:
		delete(o.dialects, to)
		r.wait = min(max(time.Duration(float64(r.wait)*waitFactor), firstWait), longest)
		jitter := time.Duration(rand.Int64N(int64(r.wait)/5+1)) - r.wait/10
		r.timer = time.AfterFunc(min(r.wait+jitter, longest), func() { o.retry(to) })
	}
}

func (o *Outbox) retry(to atkey.Sign) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.known[to]; r != nil && !o.closed {
		r.timer = nil
		o.again = append(o.again, to)
		o.start()
	}
}

// next brings the first notification that waits for a recipient to its end, if it
// can. The error is that of the store: ErrNotFound when nothing waits.
func (o *Outbox) next(to atkey.Sign) (ended bool, err error) {
	var n store.Notification
	if err := o.DB.View(func(tx *store.Tx) (err error) { n, err = tx.NextFor(to); return err }); err != nil {
		return false, err
	}
	if n.Expired(o.Now()) {
		return true, o.settle(n, store.Queued, &o.expired) // which is told as expired
	}
	if size := int64(n.Size()); size > maxLine {
		if err := o.memory.Acquire(o.ctx, min(2*size, maxMemory)); err != nil {
			return false, err
		}
		defer o.memory.Release(min(2*size, maxMemory))
	}
	err = o.DB.View(func(tx *store.Tx) error { return tx.LoadNotification(&n) })
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // removed meanwhile
	}
	if err != nil {
		return false, err
	}
	said := o.say(n)
	if said == unanswered {
		o.failed.Add(1)
		return false, nil
	}
	o.mu.Lock()
	o.known[to].wait = 0
	o.mu.Unlock()
	if said == refused {
		return true, o.settle(n, store.Errored, &o.refused)
	}
	return true, o.settle(n, store.Delivered, &o.delivered)
}

func (o *Outbox) settle(n store.Notification, status store.NotificationStatus, ended *atomic.Int64) error {
	err := o.DB.Update(func(tx *store.Tx) error { return tx.Settle(n, status) })
	if err == nil {
		ended.Add(1)
	}
	return err
}

type answer uint8

const (
	unanswered answer = iota
	delivered
	refused
)

// say sends a notification once, or twice if the other side proves to be of
// another year.
func (o *Outbox) say(n store.Notification) answer {
	for {
		ctx, cancel := context.WithTimeout(o.ctx, answerTime+time.Duration(n.Size())*time.Second/slowest)
		d := o.dialectOf(ctx, n)
		payload, err := o.Peers.Ask(ctx, n.To, true, command(n, o.Now(), d))
		cancel()
		if err == nil && payload == "success" {
			return delivered
		}
		if err == nil || o.ctx.Err() != nil {
			return unanswered
		}
		switch verdict, now := o.Judge(err), o.Now(); {
		case verdict == Again:
			return unanswered
		case verdict == Never || d.old || command(n, now, d) == command(n, now, dialect{old: true}):
			return refused // not understood in any form, or not to be had
		}
		o.remember(n.To, dialect{old: true})
	}
}
