package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"atserver/store"
)

// hub is one on a store of its own, both until the test ends.
type tested struct {
	*Hub
	t  testing.TB
	db *store.DB
}

func render(b []byte, n store.Notification) []byte { return append(append(b, n.ID+" "...), n.Value...) }

func newHub(t testing.TB, every time.Duration) *tested {
	t.Helper()
	h := &tested{t: t}
	h.db = database(t, time.Now, func(n store.Notification) {
		if n.Type != store.Sent {
			h.Publish(n)
		}
	})
	var err error
	h.Hub, err = NewHub(h.db, every, render)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		h.Run(ctx)
		close(ended)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return h
}

// arrives keeps a notification for the owner.
func (h *tested) arrives(n store.Notification) (at time.Time) {
	h.t.Helper()
	if n.Type == 0 {
		n.Type = store.Received
	}
	n.From, n.To, n.Op, n.Expires = "@bob", "@alice", store.NotifyUpdate, time.Now().Add(time.Hour)
	must(h.t, h.db.Update(func(tx *store.Tx) error { return tx.Enqueue(&n) }))
	return n.At
}

// reads returns the ids of the next notifications, and fails if their lines are not
// theirs.
func reads(t testing.TB, f *Feed, n int) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(ids) < n {
		e, err := f.Next(ctx, nil)
		if err != nil {
			t.Fatalf("after %d: %v", len(ids), err)
		}
		if e.Note == nil {
			continue
		}
		line, err := f.Line(e)
		if id, _, _ := strings.Cut(string(line), " "); err != nil || id != e.Note.ID {
			t.Fatalf("the line of %s is %.40q, %v", e.Note.ID, line, err)
		}
		ids = append(ids, e.Note.ID)
	}
	return ids
}

func numbered(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

// Whenever a monitor begins, from whatever time on, whoever writes meanwhile: it is
// told of each once and in order.
func TestNoGapNoRepetition(t *testing.T) {
	h := newHub(t, 0)
	const total = 1000
	value := []byte(strings.Repeat("v", 100))
	var monitors sync.WaitGroup
	var mu sync.Mutex
	var times []time.Time
	for i := range total {
		n := store.Notification{ID: fmt.Sprint(i), Value: value, Ephemeral: i%5 == 4}
		if i%500 == 250 {
			n.Value = []byte(strings.Repeat("v", 200_000))
		}
		if i%100 == 0 {
			from := -1
			mu.Lock()
			if len(times) > 0 && i%200 == 0 {
				from = rand.IntN(len(times))
			}
			since := time.UnixMilli(0)
			if from >= 0 {
				since = times[from]
			}
			mu.Unlock()
			f := h.Watch(&since)
			monitors.Go(func() {
				defer f.Close()
				if got := reads(t, f, total-from-1); !slices.Equal(got, numbered(from+1, total)) {
					t.Errorf("from %d on: %d were told, from %s to %s", from, len(got), got[0], got[len(got)-1])
				}
			})
		}
		at := h.arrives(n)
		mu.Lock()
		times = append(times, at)
		mu.Unlock()
		if i%3 == 0 { // what goes the other way is not told
			must(t, h.db.Update(func(tx *store.Tx) error {
				return tx.Enqueue(&store.Notification{ID: "sent", To: "@bob", From: "@alice", Type: store.Sent, Expires: time.Now().Add(time.Hour)})
			}))
		}
	}
	monitors.Wait()
}

// Without a time a monitor begins with what comes.
func TestFromNowOn(t *testing.T) {
	h := newHub(t, 0)
	h.arrives(store.Notification{ID: "before"})
	f := h.Watch(nil)
	future := time.Now().Add(time.Hour)
	g := h.Watch(&future)
	h.arrives(store.Notification{ID: "0"})
	for _, feed := range []*Feed{f, g} {
		if got := reads(t, feed, 1); got[0] != "0" {
			t.Errorf("it begins with %s", got[0])
		}
	}
}

// Who reads nothing for long holds up nobody, costs nothing, and misses nothing;
// of changes it is told that there were some.
func TestSlowReader(t *testing.T) {
	h := newHub(t, 0)
	slow, quick := h.Watch(nil), h.Watch(nil)
	value := []byte(strings.Repeat("v", 10_000))
	const total = 2 * maxEvents
	for i := range total {
		h.arrives(store.Notification{ID: fmt.Sprint(i), Value: value})
		h.Changed(store.Change{ID: int64(i)})
		if i%50 == 49 {
			reads(t, quick, 50)
		}
	}
	h.mu.Lock()
	if h.held > maxHeld || h.head-h.tail > maxEvents {
		t.Errorf("the hub holds %d events, %d bytes", h.head-h.tail, h.held)
	}
	h.mu.Unlock()
	if got := reads(t, slow, total); !slices.Equal(got, numbered(0, total)) {
		t.Errorf("it was told of %d, from %s to %s", len(got), got[0], got[len(got)-1])
	}
	if e, err := slow.Next(t.Context(), nil); err != nil || !e.Tick {
		t.Errorf("then %+v, %v", e, err)
	}
}

// What was removed before it is told has no line.
func TestRemovedMeanwhile(t *testing.T) {
	h := newHub(t, 0)
	f := h.Watch(nil)
	h.arrives(store.Notification{ID: "x", Value: []byte(strings.Repeat("v", 100_000))})
	e, err := f.Next(t.Context(), nil)
	if err != nil || f.Size(e) != 100_000 {
		t.Fatalf("%d bytes, %v", f.Size(e), err)
	}
	must(t, h.db.Update(func(tx *store.Tx) error {
		n, err := tx.Notification("x")
		must(t, err)
		return tx.RemoveNotification(n)
	}))
	if line, err := f.Line(e); line != nil || err != nil {
		t.Errorf("%.40q, %v", line, err)
	}
}

// Ticks come as often as asked for, by the time that Step is told.
func TestTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := database(t, time.Now, nil)
		h, err := NewHub(db, 15*time.Second, render)
		must(t, err)
		f, began := h.Watch(nil), time.Now()
		ticks := func(step time.Duration) (n int) {
			h.Step(began.Add(step))
			for {
				e, some, _ := f.take()
				if !some {
					return n
				}
				if e.Tick {
					n++
				}
			}
		}
		for _, c := range []struct {
			at   time.Duration
			want int
		}{{0, 1}, {14 * time.Second, 0}, {15 * time.Second, 1}, {20 * time.Second, 0}, {time.Minute, 1}} {
			if got := ticks(c.at); got != c.want {
				t.Errorf("%d ticks at %v, want %d", got, c.at, c.want)
			}
		}
		never, err := NewHub(db, -1, render)
		must(t, err)
		never.Step(began)
		if never.head != 0 {
			t.Error("it ticks although it must not")
		}
		db.Close()
	})
}

// A thousand monitors, none of which reads, hold up nobody who writes.
func BenchmarkPublish(b *testing.B) {
	for _, monitors := range []int{0, 1000} {
		b.Run(fmt.Sprint(monitors), func(b *testing.B) {
			h := newHub(b, 0)
			ctx, cancel := context.WithCancel(context.Background())
			var all sync.WaitGroup
			for range monitors {
				f := h.Watch(nil)
				all.Go(func() {
					for ctx.Err() == nil {
						if _, err := f.Next(ctx, nil); err != nil {
							return
						}
					}
				})
			}
			n := store.Notification{ID: "x", Key: "@alice:x@bob", Type: store.Received, Value: []byte("value")}
			at := time.Now()
			for b.Loop() {
				at = at.Add(time.Millisecond)
				n.At = at
				h.Publish(n)
			}
			cancel()
			all.Wait()
		})
	}
}
