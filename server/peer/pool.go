package peer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

const (
	defaultLimit = 200
	defaultIdle  = 599 * time.Second // peers cut after 600
	defaultTotal = 30 * time.Second
	lanes        = 4 // requests under way to one peer, proven or not; more wait for their turn
)

// Options says whose connections a pool keeps, and how many.
type Options struct {
	Self     atkey.Sign
	Resolver *Resolver
	Network  Network
	Keys     Keys
	// Learned is given what "lookup:all:publickey" answers on each new connection. It may take its time.
	Learned func(of atkey.Sign, record string)
	Limit   int           // of connections; default 200
	Idle    time.Duration // until an unused one is closed; default 599 s
	Total   time.Duration // for one request, with all that it needs but the time to carry it there; default 30 s
	Pause   time.Duration // for which a peer that was not reached is left alone, at most; default 30 s
	Now     func() time.Time
	Log     zerolog.Logger
}

// Pool keeps connections to the servers of other atSigns.
type Pool struct {
	o   Options
	ctx context.Context // ends with the pool
	end context.CancelCauseFunc

	mu    sync.Mutex
	peers map[id]*peer
	open  int // connections, those under way included

	asked, failed atomic.Int64 // requests, and those of them that no reply came to
}

// id names the connections that may stand in for each other.
type id struct {
	of     atkey.Sign
	proven bool
}

// peer is what the pool keeps for an id. Of its fields all but turns are of who holds the lock.
type peer struct {
	turns   chan struct{} // one taken for each request under way
	users   int           // requests, those that wait included
	idle    []*link       // the one used last comes last
	backoff backoff
}

// NewPool returns a pool without connections.
func NewPool(o Options) *Pool {
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.Idle == 0 {
		o.Idle = defaultIdle
	}
	if o.Total == 0 {
		o.Total = defaultTotal
	}
	if o.Pause == 0 {
		o.Pause = mostPause
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Network = o.Network.withDefaults()
	p := &Pool{o: o, peers: map[id]*peer{}}
	p.ctx, p.end = context.WithCancelCause(context.Background())
	return p
}

// Ask sends one command to the server of an atSign and returns the payload of its reply. With proven the peer knows that
// it is our atSign who asks. An error reply is a *wire.Error, an atSign that the directory does not know ErrUnknown,
// a command that no connection takes wire.ErrLineTooLong, and whatever else went wrong an *Error, which may pass.
func (p *Pool) Ask(ctx context.Context, of atkey.Sign, proven bool, line string) (payload string, err error) {
	p.asked.Add(1)
	defer func() {
		if !isReply(err) && !errors.Is(err, ErrUnknown) {
			p.failed.Add(1)
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, p.o.Total+underway(line), errSilent)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer context.AfterFunc(p.ctx, func() { stop(errClosed) })()
	defer stop(nil)

	to := id{of, proven}
	peer := p.enter(to)
	defer p.leave(to, peer)
	select {
	case peer.turns <- struct{}{}:
		defer func() { <-peer.turns }()
	case <-ctx.Done():
		return "", failure(of, NoConnection, "", context.Cause(ctx), p.o.Total)
	}
	again := isRepeatable(line)
	for fresh := false; ; fresh, again = true, false {
		l, reused, err := p.take(ctx, to, peer, fresh)
		if err != nil {
			return "", err
		}
		l.used = p.o.Now()
		payload, err := l.ask(ctx, line)
		if isReply(err) {
			p.giveBack(peer, l)
			return payload, err
		}
		p.discard(l)
		if !reused || !again || errors.Is(err, errSilent) || ctx.Err() != nil {
			return "", failure(of, NoReply, l.address, err, p.o.Network.Silence)
		}
	}
}

// isRepeatable tells whether a command does the same twice as once, so that a connection which turns out to be closed
// costs nothing.
func isRepeatable(line string) bool {
	return strings.HasPrefix(line, "lookup:") || strings.HasPrefix(line, "scan") || strings.HasPrefix(line, "info")
}

func (p *Pool) enter(to id) *peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.peers[to]
	if at == nil {
		at = &peer{turns: make(chan struct{}, lanes)}
		p.peers[to] = at
	}
	at.users++
	return at
}

func (p *Pool) leave(to id, at *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.users--
	p.forget(to, at)
}

// forget drops what is kept for a peer when there is nothing left to keep. It is of who holds the lock.
func (p *Pool) forget(to id, at *peer) {
	if at.users == 0 && len(at.idle) == 0 && at.backoff.isOver(p.o.Now()) {
		delete(p.peers, to)
	}
}

// take returns an unused connection, or makes one. A fresh one is wanted when an unused one turned out to be dead.
func (p *Pool) take(ctx context.Context, to id, at *peer, fresh bool) (l *link, reused bool, err error) {
	var dead []*link
	defer func() { closeAll(dead) }()
	p.mu.Lock()
	dead = p.expire(at, fresh)
	if n := len(at.idle); n > 0 {
		l, at.idle = at.idle[n-1], at.idle[:n-1]
		p.mu.Unlock()
		return l, true, nil
	}
	if err := at.backoff.waits(p.o.Now()); err != nil {
		p.mu.Unlock()
		return nil, false, err
	}
	if p.open >= p.o.Limit {
		evicted := p.evict()
		if evicted == nil {
			p.mu.Unlock()
			return nil, false, &Error{Of: to.of, Why: Full, Err: errFull}
		}
		dead = append(dead, evicted)
	}
	p.open++
	p.mu.Unlock()

	l, err = p.establish(ctx, to)

	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		at.backoff = backoff{}
		return l, false, nil
	case p.ctx.Err() == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrUnknown):
		at.backoff.failed(err, p.o.Now(), p.o.Pause)
		p.o.Log.Info().Str("peer.sign", string(to.of)).Err(err).Msg("Peer not reached")
	}
	p.open--
	return nil, false, err
}

// expire takes the unused connections of a peer away that have been so for too long, or all. It is of who holds the lock,
// and so is evict; what they return is closed without it.
func (p *Pool) expire(at *peer, all bool) (dead []*link) {
	kept := at.idle[:0]
	for _, l := range at.idle {
		if all || p.o.Now().Sub(l.used) >= p.o.Idle {
			dead = append(dead, l)
		} else {
			kept = append(kept, l)
		}
	}
	clear(at.idle[len(kept):])
	at.idle = kept
	p.open -= len(dead)
	return dead
}

// evict takes the connection away that was used least recently, nil if all are in use.
func (p *Pool) evict() *link {
	var oldest *peer
	for _, at := range p.peers {
		if len(at.idle) > 0 && (oldest == nil || at.idle[0].used.Before(oldest.idle[0].used)) {
			oldest = at
		}
	}
	if oldest == nil {
		return nil
	}
	l := oldest.idle[0]
	oldest.idle = oldest.idle[1:]
	p.open--
	return l
}

func (p *Pool) giveBack(at *peer, l *link) {
	p.mu.Lock()
	if p.ctx.Err() == nil {
		at.idle = append(at.idle, l)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	p.discard(l)
}

func (p *Pool) discard(l *link) {
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
	l.conn.Close()
}

func closeAll(links []*link) {
	for _, l := range links {
		l.conn.Close()
	}
}

// Seen says that the server of an atSign was met: it is not left alone any longer.
func (p *Pool) Seen(of atkey.Sign) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, proven := range []bool{false, true} {
		if at := p.peers[id{of, proven}]; at != nil {
			at.backoff = backoff{}
		}
	}
}

// Open counts the connections, those under way included.
func (p *Pool) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

// Asked counts the requests so far, and those of them that failed: the peer gave no reply.
func (p *Pool) Asked() (all, failed int64) { return p.asked.Load(), p.failed.Load() }

// Resize sets how many connections there may be.
func (p *Pool) Resize(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.o.Limit = n
}

// Step closes the connections that have been unused for too long.
func (p *Pool) Step() {
	var dead []*link
	p.mu.Lock()
	for to, at := range p.peers {
		dead = append(dead, p.expire(at, false)...)
		p.forget(to, at)
	}
	p.mu.Unlock()
	closeAll(dead)
}

// Close ends requests and connections. A pool that is closed reaches nobody.
func (p *Pool) Close() {
	var dead []*link
	p.mu.Lock()
	p.end(errClosed)
	for _, at := range p.peers {
		dead = append(dead, p.expire(at, true)...)
	}
	p.mu.Unlock()
	closeAll(dead)
}
