package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// deliveriesOf says how TestDeliveries goes on: ATSERVER_DELIVERIES=10000 is the long form, in which the network fails for
// up to a minute; ATSERVER_DELIVERIES_SEED repeats what somebody has seen.
func deliveriesOf(t *testing.T) (total int, cut time.Duration, seed uint64) {
	t.Helper()
	total, seed = 400, rand.Uint64()
	var err error
	if long := os.Getenv("ATSERVER_DELIVERIES"); long != "" {
		if total, err = strconv.Atoi(long); err != nil || total < 100 {
			t.Fatalf("ATSERVER_DELIVERIES: %v", err)
		}
		cut = time.Minute
	}
	if known := os.Getenv("ATSERVER_DELIVERIES_SEED"); known != "" {
		if seed, err = strconv.ParseUint(known, 10, 64); err != nil {
			t.Fatalf("ATSERVER_DELIVERIES_SEED: %v", err)
		}
	}
	t.Logf("ATSERVER_DELIVERIES=%d ATSERVER_DELIVERIES_SEED=%d", total, seed)
	return total, cut, seed
}

// TestDeliveries lets apps of @alice's tell @bob of things and change what they share with him, while the network
// between the two servers fails and both are killed in turn. What was acknowledged reaches @bob's monitor, which goes
// on after the last thing that it heard, once, in the order of each app; a record that was written is told of, and one
// that was not is not.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	total, cut, seed := deliveriesOf(t)
	homes := newRelayed(t, "@alice", "@bob")
	alice, bob := homes[0], homes[1]
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	ear := &ear{home: bob, places: map[string][]int{}}
	running.Go(func() { ear.listen(ctx) })

	permits, spoken, failed := make(chan struct{}, total), atomic.Int64{}, make(chan error, 4)
	var speakers []*speaker
	for i := range cap(failed) {
		s := &speaker{name: fmt.Sprintf("app%d", i), random: rand.New(rand.NewPCG(seed, uint64(i))), home: alice}
		speakers = append(speakers, s)
		running.Go(func() {
			for range permits {
				if err := s.speak(ctx); err != nil {
					failed <- err
					return
				}
				spoken.Add(1)
			}
		})
	}
	wait := func(done func() bool) {
		t.Helper()
		within(t, patience+cut, func() bool {
			select {
			case err := <-failed:
				t.Fatal(err)
			default:
			}
			return done()
		})
	}

	random := rand.New(rand.NewPCG(seed, seed))
	f := &faults{t: t, alice: alice, bob: bob, cut: cut}
	script := f.script()
	for range (total - 1) / 5000 {
		script = append(script, f.script()...)
	}
	random.Shuffle(len(script), func(i, j int) { script[i], script[j] = script[j], script[i] })
	said := 0
	for i, fault := range script {
		more := total*(i+1)/len(script) - said
		for range more {
			permits <- struct{}{}
		}
		heard := ear.count()
		heard += random.IntN((said + more - heard) / 2)
		spoke := said + random.IntN(more/2)
		wait(func() bool {
			return fault.speaking && int(spoken.Load()) > spoke || !fault.speaking && ear.count() > heard
		})
		fault.happens()
		said += more
		wait(func() bool { return int(spoken.Load()) == said })
	}
	close(permits)

	// What comes for one atSign comes in its order: when the last is there, all is there.
	owner, err := alice.client(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	guest, err := bob.client(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	ask(t, owner, "notify:id:last:ttln:36000000:@bob:note.wavi@alice:last", "last")
	wait(func() bool { return ear.heard("id last last") })
	cancel()
	running.Wait()
	heard := 1
	for _, s := range speakers {
		heard += s.wantHeard(t, owner, guest, ear)
	}
	if heard != len(ear.order) {
		t.Errorf("%d were heard, of which %d were said", len(ear.order), heard)
	}
	ear.wantReplay(t)
	t.Logf("%d were heard, over %d connections of the monitor", len(ear.order), ear.connections)
}

// fault is something that happens to two servers or between them.
type fault struct {
	speaking bool // while the apps speak; else while they are heard
	happens  func()
}

type faults struct {
	t          *testing.T
	alice, bob *relayed
	cut        time.Duration // how long the network fails at most; 0: until somebody has noticed
}

// script is each fault once.
func (f *faults) script() []fault {
	a, b := f.alice.relay, f.bob.relay
	return []fault{
		{true, func() { f.interrupt(b, b.cutOff, f.cut) }},
		{false, func() { f.interrupt(b, b.hang, f.cut/4) }},                           // longer than a server waits
		{false, func() { f.interrupt(a, func() { a.cutOff(); b.sever() }, f.cut/4) }}, // @bob cannot verify who calls
		{true, func() { f.restart(f.alice) }},
		{false, func() { f.restart(f.alice) }},
		{false, func() { f.restart(f.bob) }},
		{false, func() { f.restart(f.bob) }},
	}
}

// interrupt lets a stretch of network fail for so long, and until somebody has noticed.
func (f *faults) interrupt(r *relay, fail func(), least time.Duration) {
	f.t.Helper()
	before, enough := r.met(), time.NewTimer(least)
	fail()
	<-enough.C
	within(f.t, patience, func() bool { return r.met() > before })
	r.resume()
}

func (f *faults) restart(h *relayed) {
	f.t.Helper()
	h.kill()
	h.start()
}
