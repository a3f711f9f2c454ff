package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// What waits for one atSign is sent in its order, each once, also what waited
// before the outbox ran, whatever priority and length it has.
func TestInOrder(t *testing.T) {
	db := database(t, time.Now, nil)
	bob := listen(t, success)
	var o *sender
	want := []string{}
	for i := range 100 {
		if i == 30 {
			o = run(t, db, places{"@bob": bob})
		}
		n := store.Notification{ID: fmt.Sprintf("n-%d", i), To: "@bob", Priority: store.Priority(1 + i%3), Value: []byte("v"), Ephemeral: i%7 == 3}
		if i%10 == 5 {
			n.Value = []byte(strings.Repeat("v", 100_000))
		}
		want = append(want, n.ID)
		if o == nil {
			enqueue(t, db, nil, n)
		} else {
			enqueue(t, db, o.Outbox, n)
		}
	}
	eventually(t, func() bool { return len(bob.told()) == 100 })
	var got []string
	for _, line := range bob.told() {
		got = append(got, strings.Split(line, ":")[2])
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %v", got)
	}
	eventually(t, func() bool { status, _ := statusOf(t, db, "n-99"); return status == store.Delivered })
	for _, id := range want {
		if status, there := statusOf(t, db, id); !there || status != store.Delivered {
			t.Errorf("%s: status %d, %v", id, status, there)
		}
	}
}

// Nobody waits for those who cannot be reached, however many they are, nor for one
// who takes the connection and says nothing.
func TestUnreachable(t *testing.T) {
	db := database(t, time.Now, nil)
	bob := listen(t, success)
	know := places{"@bob": bob, "@silent": listen(t, func(string) string { return "" })}
	gone := &other{addr: "127.0.0.1:1"}
	o := run(t, db, know)
	for i := range 200 {
		to := atkey.Sign(fmt.Sprintf("@gone%d", i))
		know[to] = gone
	}
	enqueue(t, db, o.Outbox, store.Notification{ID: "silent", To: "@silent"})
	for i := range 200 {
		enqueue(t, db, o.Outbox, store.Notification{ID: fmt.Sprint(i), To: atkey.Sign(fmt.Sprintf("@gone%d", i))})
	}
	began := time.Now()
	enqueue(t, db, o.Outbox, store.Notification{ID: "b", To: "@bob"})
	eventually(t, func() bool { status, _ := statusOf(t, db, "b"); return status == store.Delivered })
	if took := time.Since(began); took > answerTime/2 {
		t.Errorf("took %v", took)
	}
	if status, _ := statusOf(t, db, "7"); status != store.Queued {
		t.Errorf("what cannot be delivered yet has status %d", status)
	}
	eventually(t, func() bool { f := o.Figures(); return f.Delivered == 1 && f.Failed > 0 })
	if f := o.Figures(); f.Serving+f.Waiting < 201 || f.Serving > maxWorkers {
		t.Errorf("%+v", f)
	}
}

// A hundred who say nothing, and of whom nobody knew that, keep nobody waiting.
func TestSilentAtFirst(t *testing.T) {
	db := database(t, time.Now, nil)
	know := places{"@bob": listen(t, success)}
	silent := listen(t, func(string) string { return "" })
	for i := range 100 {
		know[atkey.Sign(fmt.Sprintf("@silent%d", i))] = silent
	}
	o := run(t, db, know)
	for i := range 100 {
		enqueue(t, db, o.Outbox, store.Notification{ID: fmt.Sprint(i), To: atkey.Sign(fmt.Sprintf("@silent%d", i))})
	}
	began := time.Now()
	enqueue(t, db, o.Outbox, store.Notification{ID: "b", To: "@bob"})
	eventually(t, func() bool { status, _ := statusOf(t, db, "b"); return status == store.Delivered })
	if took := time.Since(began); took > answerTime/2 {
		t.Errorf("took %v", took)
	}
}

// An atSign that there is not, and what nobody understands in any form.
func TestVerdicts(t *testing.T) {
	db := database(t, time.Now, nil)
	bob := listen(t, func(line string) string {
		if strings.Contains(line, ":cAt:") || strings.Contains(line, ":odd:") {
			return "error:AT0003-Exception: Invalid syntax"
		}
		return "data:success"
	})
	o := run(t, db, places{"@bob": bob})
	enqueue(t, db, o.Outbox, store.Notification{ID: "nobody", To: "@nobody"})
	eventually(t, func() bool { status, _ := statusOf(t, db, "nobody"); return status == store.Errored })
	enqueue(t, db, o.Outbox, store.Notification{ID: "odd", To: "@bob"})
	eventually(t, func() bool { status, _ := statusOf(t, db, "odd"); return status == store.Errored })
	for _, id := range []string{"first", "second"} {
		enqueue(t, db, o.Outbox, store.Notification{ID: id, To: "@bob", Meta: &store.Meta{CreatedAt: time.Now()}})
		eventually(t, func() bool { status, _ := statusOf(t, db, id); return status == store.Delivered })
	}
	if said := bob.said()[1:]; len(said) != 3 || !strings.Contains(said[0], "cAt") || strings.Contains(said[1]+said[2], "cAt") {
		t.Errorf("said %v; the second time it was known", said)
	}
	enqueue(t, db, o.Outbox, store.Notification{ID: "late", To: "@bob", Expires: time.Now().Add(-time.Second)})
	eventually(t, func() bool {
		return o.Figures() == Figures{Delivered: 2, Refused: 2, Expired: 1}
	})
}

// asking is the network as a function.
type asking func(ctx context.Context, of atkey.Sign, line string) (string, error)

func (f asking) Ask(ctx context.Context, of atkey.Sign, _ bool, line string) (string, error) {
	return f(ctx, of, line)
}

var errDown = errors.New("the network is down")

// One that is out of reach is tried again after longer and longer times, up to ten
// seconds, until it answers; what expired meanwhile is not sent.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := database(t, time.Now, nil)
		var tries []time.Time
		var said []string
		var up atomic.Bool
		var mu sync.Mutex
		o := run(t, db, asking(func(_ context.Context, _ atkey.Sign, line string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			tries = append(tries, time.Now())
			if !up.Load() {
				return "", errDown
			}
			said = append(said, strings.Split(line, ":")[2])
			return "success", nil
		}))
		enqueue(t, db, o.Outbox, store.Notification{ID: "short", To: "@bob", Expires: time.Now().Add(30 * time.Second)})
		enqueue(t, db, o.Outbox, store.Notification{ID: "long", To: "@bob"})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		mu.Lock()
		if n := len(tries); n < 15 || n > 30 {
			t.Fatalf("%d tries in two minutes", n)
		}
		for i := range len(tries) - 2 {
			first, second := tries[i+1].Sub(tries[i]), tries[i+2].Sub(tries[i+1])
			if second > longest || second < first && second < longest*8/10 || first < firstWait*8/10 {
				t.Errorf("waited %v, then %v", first, second)
			}
		}
		mu.Unlock()
		up.Store(true)
		time.Sleep(longest * 2)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(said, []string{"long"}) {
			t.Errorf("said %v", said)
		}
		if status, _ := statusOf(t, db, "long"); status != store.Delivered {
			t.Errorf("status %d", status)
		}
		o.Outbox.mu.Lock()
		if len(o.known) != 0 {
			t.Errorf("%d recipients are remembered", len(o.known))
		}
		o.Outbox.mu.Unlock()
		o.stop()
		db.Close()
	})
}

// A large value may take its time on a slow network.
func TestSlowNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := database(t, time.Now, nil)
		o := run(t, db, asking(func(ctx context.Context, _ atkey.Sign, line string) (string, error) {
			select {
			case <-time.After(time.Duration(len(line)) * time.Second / (100 << 10)):
				return "success", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}))
		enqueue(t, db, o.Outbox, store.Notification{ID: "large", To: "@bob", Value: make([]byte, 10_000_000)})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if status, _ := statusOf(t, db, "large"); status != store.Delivered {
			t.Errorf("status %d", status)
		}
		o.stop()
		db.Close()
	})
}

// Stopping ends what is under way and tries no more; the next start goes on.
func TestStopAndStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := database(t, time.Now, nil)
		var tries atomic.Int32
		o := run(t, db, asking(func(ctx context.Context, of atkey.Sign, _ string) (string, error) {
			tries.Add(1)
			if of == "@carol" {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return "", errDown
		}))
		enqueue(t, db, o.Outbox, store.Notification{ID: "b", To: "@bob"})
		enqueue(t, db, o.Outbox, store.Notification{ID: "c", To: "@carol"})
		synctest.Wait()
		o.stop()
		before := tries.Load()
		enqueue(t, db, o.Outbox, store.Notification{ID: "d", To: "@dave"})
		time.Sleep(time.Minute)
		if n := tries.Load(); n != before {
			t.Errorf("%d tries after the end", n-before)
		}
		again := run(t, db, asking(func(context.Context, atkey.Sign, string) (string, error) { return "success", nil }))
		synctest.Wait()
		for _, id := range []string{"b", "c", "d"} {
			if status, _ := statusOf(t, db, id); status != store.Delivered {
				t.Errorf("%s has status %d", id, status)
			}
		}
		again.stop()
		db.Close()
	})
}

// However many there are, so many are served at once, and those who were out of
// reach leave places for others.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := database(t, time.Now, nil)
		var now, most, dead atomic.Int32
		dead.Store(1)
		o := run(t, db, asking(func(ctx context.Context, of atkey.Sign, _ string) (string, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			if strings.HasPrefix(string(of), "@gone") {
				<-ctx.Done()
				return "", ctx.Err()
			}
			time.Sleep(time.Millisecond)
			return "success", nil
		}))
		for i := range 300 {
			enqueue(t, db, o.Outbox, store.Notification{ID: fmt.Sprint(i), To: atkey.Sign(fmt.Sprintf("@gone%d", i))})
		}
		time.Sleep(3 * time.Minute) // all have been tried once
		began := time.Now()
		for i := range 300 {
			enqueue(t, db, o.Outbox, store.Notification{ID: fmt.Sprint("live", i), To: atkey.Sign(fmt.Sprintf("@live%d", i))})
		}
		for i := range 300 {
			for id := fmt.Sprint("live", i); ; time.Sleep(time.Millisecond) {
				if status, _ := statusOf(t, db, id); status == store.Delivered {
					break
				}
				if time.Since(began) > answerTime {
					t.Fatalf("%s waits for those who are gone", id)
				}
			}
		}
		if most.Load() != maxWorkers {
			t.Errorf("%d at once", most.Load())
		}
		o.stop()
		db.Close()
	})
}

// An answer that is none leaves a notification where it is.
func TestStrangeAnswers(t *testing.T) {
	db := database(t, time.Now, nil)
	for id, answer := range map[string]struct {
		payload string
		err     error
	}{"odd": {"fine", nil}, "refused": {"", &wire.Error{Code: "AT0009"}}} {
		tried := make(chan bool, 100)
		o := run(t, db, asking(func(context.Context, atkey.Sign, string) (string, error) {
			select {
			case tried <- true:
			default:
			}
			return answer.payload, answer.err
		}))
		enqueue(t, db, o.Outbox, store.Notification{ID: id, To: atkey.Sign("@" + id)})
		<-tried
		<-tried
		o.stop()
		if status, _ := statusOf(t, db, id); status != store.Queued {
			t.Errorf("%s: status %d", id, status)
		}
	}
}
