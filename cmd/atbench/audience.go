package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// audience is monitors that hear what is published, each in a goroutine.
type audience struct {
	on       streams
	heard    atomic.Int64 // lines, by all together
	bytes    atomic.Int64 // in them
	awaited  atomic.Int64 // of them
	complete chan struct{}
	failed   chan error
}

// listen begins to hear what comes.
func listen(on streams) *audience {
	a := &audience{on: on, complete: make(chan struct{}, 1), failed: make(chan error, len(on))}
	for _, s := range on {
		go func() { a.failed <- a.hear(s) }()
	}
	return a
}

// hear counts lines until the connection ends.
func (a *audience) hear(s *stream) error {
	for {
		n, err := s.conn.Read(s.in[:])
		a.bytes.Add(int64(n))
		if lines := int64(bytes.Count(s.in[:n], []byte("\n"))); a.heard.Add(lines) >= a.awaited.Load() && lines > 0 {
			select {
			case a.complete <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return err
		}
	}
}

// await waits until each has heard so many more lines than at the last time.
func (a *audience) await(ctx context.Context, lines int) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	want := a.awaited.Add(int64(lines * len(a.on)))
	for a.heard.Load() < want {
		select {
		case <-a.complete:
		case err := <-a.failed:
			return fmt.Errorf("monitor: %w", err)
		case <-late.C:
			return errors.New("monitors were told too little")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
