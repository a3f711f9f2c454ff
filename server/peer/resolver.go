package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

const (
	known    = time.Hour        // how long an address is not asked for again
	unknown  = 10 * time.Second // the same for an atSign that has none
	attempts = 5                // at the directory, before it counts as down
	lookupIn = 10 * time.Second // for all of them
	patience = time.Second      // with a directory that is slow, when there is an address from before
	maxNames = 10_000           // that are remembered
)

// Locals says which addresses a directory may name.
type Locals string

const (
	// LocalsByDirectory allows addresses in local networks if the directory itself was reached at one. A directory of
	// one's own network or machine names what is in it, and all demos do; a public one never has to, and could make
	// this server knock at doors that only it can reach. It is the default.
	LocalsByDirectory Locals = "auto"
	LocalsAlways      Locals = "any"
	LocalsNever       Locals = "public"
)

// Place is where a server is.
type Place struct {
	Address string // host:port
	local   bool   // it may be in a local network
	cached  bool   // the directory was not asked just now
}

// ResolverOptions says which directory is asked, and how.
type ResolverOptions struct {
	Directory string // host:port; or "proxy:" and the host:port at which all servers are
	Locals    Locals // default LocalsByDirectory
	Network   Network
	Now       func() time.Time
	Log       zerolog.Logger
}

// Resolver finds the servers of atSigns. What the directory said is good for an hour, and for longer as long as the
// directory does not answer. Several who ask for one atSign at once share one question.
type Resolver struct {
	o     ResolverOptions
	ctx   context.Context // of questions: they outlive whoever asked first
	end   context.CancelFunc
	under sync.WaitGroup

	mu    sync.Mutex
	names map[atkey.Sign]*name
}

// name is what is known of one atSign.
type name struct {
	place   Place
	at      time.Time     // when the directory said so; zero: doubted, or never
	absent  bool          // the directory knows no such atSign
	backoff backoff       // of the directory
	asking  chan struct{} // closed when the question under way is answered; nil: there is none
}

// NewResolver returns a resolver that has asked nothing yet.
func NewResolver(o ResolverOptions) *Resolver {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Network = o.Network.withDefaults()
	r := &Resolver{o: o, names: map[atkey.Sign]*name{}}
	r.ctx, r.end = context.WithCancel(context.Background())
	return r
}

// Close ends all questions.
func (r *Resolver) Close() {
	r.end()
	r.under.Wait()
}

// Resolve returns where the server of an atSign is. ErrUnknown is the directory's word.
func (r *Resolver) Resolve(ctx context.Context, of atkey.Sign) (Place, error) {
	if all, ok := strings.CutPrefix(r.o.Directory, "proxy:"); ok {
		return Place{Address: all, local: true}, nil
	}
	r.mu.Lock()
	n, now := r.find(of), r.o.Now()
	age, fresh := now.Sub(n.at), known
	if n.absent {
		fresh = unknown
	}
	if !n.at.IsZero() && age >= 0 && age < fresh || n.asking == nil && n.backoff.waits(now) != nil {
		defer r.mu.Unlock()
		return n.answer(true)
	}
	if n.asking == nil {
		if r.ctx.Err() != nil {
			r.mu.Unlock()
			return Place{}, errClosed
		}
		n.asking = make(chan struct{})
		r.under.Go(func() { r.ask(of, n) })
	}
	asking, before := n.asking, n.place.Address != ""
	r.mu.Unlock()

	var slow <-chan time.Time // never, if there is nothing to fall back on
	if before {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		slow = timer.C
	}
	cached := false
	select {
	case <-asking:
	case <-slow:
		cached = true
	case <-ctx.Done():
		return Place{}, context.Cause(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return n.answer(cached)
}

// answer is what is known, however old it is. It is of who holds the lock.
func (n *name) answer(cached bool) (Place, error) {
	switch {
	case n.absent:
		return Place{}, ErrUnknown
	case n.place.Address != "":
		place := n.place
		place.cached = cached
		return place, nil
	case n.backoff.err != nil:
		return Place{}, n.backoff.err
	}
	return Place{}, errClosed
}

// Doubt says that nobody was met at a place: the directory is asked when the atSign is asked for next.
func (r *Resolver) Doubt(of atkey.Sign, at Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.names[of]; n != nil && n.place.Address == at.Address {
		n.at = time.Time{}
	}
}

// find returns what is known of an atSign, which may be nothing yet. It is of who holds the lock.
func (r *Resolver) find(of atkey.Sign) *name {
	n := r.names[of]
	if n != nil {
		return n
	}
	for other, n := range r.names { // any will do: whoever asks for it again pays one question
		if len(r.names) < maxNames {
			break
		}
		if n.asking == nil {
			delete(r.names, other)
		}
	}
	n = &name{}
	r.names[of] = n
	return n
}

// ask asks the directory and notes what it says.
func (r *Resolver) ask(of atkey.Sign, n *name) {
	ctx, cancel := context.WithTimeoutCause(r.ctx, lookupIn, errSilent)
	defer cancel()
	place, err := r.persist(ctx, of)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(n.asking)
	n.asking = nil
	now := r.o.Now()
	switch {
	case err == nil, errors.Is(err, ErrUnknown):
		n.place, n.absent, n.at, n.backoff = place, err != nil, now, backoff{}
	default:
		n.absent = false // it may have one by now
		n.backoff.failed(failure(of, NoDirectory, r.o.Directory, err, r.o.Network.Silence), now, mostPause)
		if r.ctx.Err() == nil {
			r.o.Log.Warn().Err(err).Msg("Directory not reached")
		}
	}
}

// persist asks several times: a directory that restarts is back soon. One that is silent, or talks nonsense, is not
// asked again.
func (r *Resolver) persist(ctx context.Context, of atkey.Sign) (place Place, err error) {
	defer func() {
		if p := recover(); p != nil { // nobody's answer must end the server
			err = fmt.Errorf("asking the directory panicked: %v", p)
		}
	}()
	if r.o.Directory == "" {
		return place, errors.New("no directory is given")
	}
	for i := range attempts {
		if place, err = r.question(ctx, of); err == nil || isFinal(err) {
			return place, err
		}
		pause := time.Duration(i+1) * 50 * time.Millisecond
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return place, context.Cause(ctx)
		}
	}
	return place, err
}

func isFinal(err error) bool {
	return errors.Is(err, ErrUnknown) || errors.Is(err, errSilent) || errors.Is(err, wire.ErrUnexpected)
}

// question asks the directory once.
func (r *Resolver) question(ctx context.Context, of atkey.Sign) (Place, error) {
	l, err := r.o.Network.connect(ctx, r.o.Directory, true)
	if err != nil {
		return Place{}, err
	}
	defer l.conn.Close()
	place := Place{local: r.o.Locals == LocalsAlways}
	if r.o.Locals != LocalsNever && !place.local {
		at, err := netip.ParseAddrPort(l.ear.RemoteAddr().String())
		place.local = err == nil && isLocal(at.Addr())
	}
	err = l.ear.during(ctx, l.ear.silence, func(ctx context.Context) (err error) {
		place.Address, err = l.conn.Address(ctx, string(of))
		return err
	})
	return place, err
}
