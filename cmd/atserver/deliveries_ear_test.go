package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"atserver/verbs/wire"
)

// ear is a monitor of @bob's. Whenever its connection breaks it goes on after the last thing that it heard.
type ear struct {
	home *relayed

	mu          sync.Mutex
	last        int64            // time of that, in ms
	order       []string         // marks of all that was heard
	places      map[string][]int // of each of them in it
	connections int
	wrong       []error
}

// listen hears what there is until ctx ends.
func (e *ear) listen(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := e.home.client(ctx, e.hear)
		if err != nil {
			return
		}
		e.listenTo(ctx, c)
	}
}

func (e *ear) listenTo(ctx context.Context, c *wire.Conn) {
	defer c.Close()
	e.mu.Lock()
	e.connections++
	command := fmt.Sprintf("monitor:%d", e.last)
	e.mu.Unlock()
	err := c.Send(ctx, command)
	for err == nil {
		_, err = c.Listen(ctx, time.Now().Add(patience))
	}
}

// hear takes one notification in.
func (e *ear) hear(event string) {
	var n struct {
		ID, Key, Value, Operation string
		EpochMillis               int64
	}
	err := json.Unmarshal([]byte(event), &n)
	e.mu.Lock()
	defer e.mu.Unlock()
	mark := n.Operation + " " + n.Key + " " + n.Value
	switch {
	case err != nil:
		e.wrong = append(e.wrong, fmt.Errorf("%s: %w", event, err))
		return
	case n.ID == "-1": // figures
		return
	case n.Key == "@bob:note.wavi@alice":
		mark = "id " + n.ID + " " + n.Value
	}
	if n.EpochMillis <= e.last {
		e.wrong = append(e.wrong, fmt.Errorf("%s at %d, after one at %d", mark, n.EpochMillis, e.last))
	}
	e.last = n.EpochMillis
	e.places[mark] = append(e.places[mark], len(e.order))
	e.order = append(e.order, mark)
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.order)
}

func (e *ear) heard(mark string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.places[mark]) > 0
}

// wantReplay wants a monitor that comes now, and asks for everything, to hear the same.
func (e *ear) wantReplay(t *testing.T) {
	t.Helper()
	again := &ear{home: e.home, places: map[string][]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var listening sync.WaitGroup
	listening.Go(func() { again.listen(ctx) })
	eventually(t, func() bool { return again.heard(e.order[len(e.order)-1]) })
	cancel()
	listening.Wait()
	if !slices.Equal(again.order, e.order) {
		t.Errorf("a new monitor hears %d, the other one heard %d, or in another order", len(again.order), len(e.order))
	}
	for _, err := range slices.Concat(e.wrong, again.wrong) {
		t.Error(err)
	}
}
