package main_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

// workloadOf says how TestWorkload goes on: ATSERVER_WORKLOAD=1000000 is the long
// form, ATSERVER_WORKLOAD_SEED repeats what somebody has seen.
func workloadOf(t *testing.T) (operations int64, seed uint64) {
	t.Helper()
	operations, seed = 5_000, rand.Uint64()
	var err error
	if long := os.Getenv("ATSERVER_WORKLOAD"); long != "" {
		if operations, err = strconv.ParseInt(long, 10, 64); err != nil || operations < 100 {
			t.Fatalf("ATSERVER_WORKLOAD: %v", err)
		}
	}
	if known := os.Getenv("ATSERVER_WORKLOAD_SEED"); known != "" {
		if seed, err = strconv.ParseUint(known, 10, 64); err != nil {
			t.Fatalf("ATSERVER_WORKLOAD_SEED: %v", err)
		}
	}
	t.Logf("ATSERVER_WORKLOAD=%d ATSERVER_WORKLOAD_SEED=%d", operations, seed)
	return operations, seed
}

// load is what all workers share.
type load struct {
	t       *testing.T
	data    string
	args    []string // of the server, besides
	ca      string   // what clients trust
	process *process
	keys    atauth.Keys
	workers []*worker
	shared  []*entry
	base    []*entry // that were there before
	fat     []*entry // that are written once
	last    int64    // commit id, when everything was last at rest
}

// worker has two connections, the owner's and a stranger's, and a namespace of
// its own, whose every key it knows.
type worker struct {
	load            *load
	name            string
	keys            atauth.Keys
	random          *rand.Rand
	owner, stranger *wire.Conn
	own             []*entry
	ids             []int64 // commit ids since everything was last at rest
	last            int64   // of them
}

// TestWorkload does at random all that clients do with records, from twenty
// connections, and compares every reply with what the contract says. Then the
// server is killed in the middle of that, and what is there afterwards is what
// was acknowledged; and the same again.
func TestWorkload(t *testing.T) {
	t.Parallel()
	operations, seed := workloadOf(t)
	l, random := newLoad(t), rand.New(rand.NewPCG(seed, seed))
	l.begin(20, seed)
	l.share(12)
	l.connect()
	l.takeBase()
	for range 2 {
		const rests = 3
		for range rests {
			l.run(operations/rests, false)
			l.atRest()
		}
		l.run(1+random.Int64N(operations/rests), true)
		l.process.status()
		l.serve()
		l.adopt()
		l.atRest()
	}
	l.fatten()
	l.process.stop()
}

func newLoad(t *testing.T) *load {
	data := t.TempDir()
	return &load{t: t, data: data, ca: filepath.Join(data, "tls", "ca.pem")}
}

// scopes are the kinds of keys, and how their names begin.
var scopes = []struct{ scope, name string }{
	{"", ""}, {"public:", ""}, {"@bob:", ""}, {"@alice:", ""}, {"", "_"}, {"public:", "_"}, {"public:", "__"}, {"@bob:", "_"},
}

// begin starts a server, makes the owner's keys, and workers who use them.
func (l *load) begin(workers int, seed uint64) {
	const names = 40
	secret := randomSecret()
	l.process = serving(l.t, nil, local(l.data, append(l.args, "-s", secret)...)...)
	var err error
	unsaved := func(atauth.Keys) error { return nil }
	l.keys, err = atauth.Onboard(bounded(l.t), l.options(), secret, "workload", "test", unsaved)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range workers {
		w := &worker{load: l, name: fmt.Sprintf("c%d", i), keys: l.keys, random: rand.New(rand.NewPCG(seed, uint64(i)))}
		for n := range names {
			s := scopes[n%len(scopes)]
			w.own = append(w.own, &entry{scope: s.scope, name: fmt.Sprintf("%sk%d.%s", s.name, n, w.name)})
		}
		l.workers = append(l.workers, w)
	}
}

// share makes so many keys that all workers write, and two more.
func (l *load) share(keys int) {
	for i := range keys {
		s := scopes[i%len(scopes)]
		l.shared = append(l.shared, &entry{scope: s.scope, name: fmt.Sprintf("%sk%d.shared", s.name, i)})
	}
	l.shared = append(l.shared, &entry{scope: "@bob:", name: "shared_key"}, &entry{name: "shared_key.bob"})
}

func (l *load) options() atauth.Options {
	return atauth.Options{Sign: "@alice", Server: l.process.address(), CAFile: l.ca}
}

// serve starts the server again on what it left.
func (l *load) serve() {
	l.process = serving(l.t, nil, local(l.data, l.args...)...)
	l.connect()
}

func (l *load) connect() {
	l.t.Helper()
	for _, w := range l.workers {
		if err := w.connect(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// connect gives the worker new connections instead of those it has.
func (w *worker) connect() error {
	if w.owner != nil {
		w.owner.Close()
		w.stranger.Close()
	}
	ctx, cancel := context.WithTimeout(w.load.t.Context(), answerTime)
	defer cancel()
	c, err := atauth.Dial(ctx, w.load.options())
	if err == nil {
		err = c.Authenticate(ctx, w.keys)
	}
	if err != nil {
		return err
	}
	w.owner = c.Conn
	w.stranger, err = wire.Dial(ctx, w.load.process.address(), &tls.Config{RootCAs: roots(w.load.t, w.load.ca)})
	return err
}

// errLost means that a connection has ended.
var errLost = errors.New("connection lost")

// run lets all workers do so many operations together. Then the server is killed,
// or everything is at rest.
func (l *load) run(operations int64, kill bool) {
	l.t.Helper()
	ctx, cancel := context.WithCancelCause(l.t.Context())
	defer cancel(nil)
	var done atomic.Int64
	var running sync.WaitGroup
	for _, w := range l.workers {
		running.Go(func() {
			for ctx.Err() == nil && (kill || done.Load() < operations) {
				err := w.step()
				if kill && errors.Is(err, errLost) {
					return
				}
				if err != nil {
					cancel(fmt.Errorf("%s: %w", w.name, err))
				}
				if done.Add(1) == operations && kill {
					l.process.cmd.Process.Kill()
				}
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		l.t.Fatal(err)
	}
}

// step is one operation.
func (w *worker) step() error {
	e := w.own[w.random.IntN(len(w.own))]
	if len(w.load.shared) > 0 && w.chance(2) {
		e = w.load.shared[w.random.IntN(len(w.load.shared))]
	}
	e.Lock()
	defer e.Unlock()
	if e.pending != nil {
		return errLost // for another worker, in the middle of a write
	}
	switch n := w.random.IntN(1000); {
	case n < 500:
		return w.writes(e)
	case n < 940:
		return w.reads(e)
	case n < 965:
		return w.refusal(e)
	case n < 985:
		return w.batch()
	case n < 990:
		return w.syncs()
	case n < 994:
		return w.stats()
	default:
		who := w.random.IntN(3)
		return w.scans(who, w.expression(), list(w.own, who))
	}
}

// answerTime is how long a reply may take on a busy machine.
const answerTime = 30 * time.Second

// ask sends a command. An error reply is no error here.
func (w *worker) ask(c *wire.Conn, command string) (payload string, refused *wire.Error, err error) {
	ctx, cancel := context.WithTimeout(w.load.t.Context(), answerTime)
	defer cancel()
	payload, err = c.Ask(ctx, command)
	if err == nil || errors.As(err, &refused) {
		return payload, refused, nil
	}
	return "", nil, fmt.Errorf("%.300s: %w: %w", command, errLost, err)
}
