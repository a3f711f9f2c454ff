package main

import (
	"context"
	"path/filepath"
	"time"
)

// memory is what a server occupies.
type memory struct {
	Empty       resident `json:"empty"` // started a while ago, never spoken to
	Connections int      `json:"connections"`
	Connected   resident `json:"connected"` // as many have logged in and say nothing
	Each        resident `json:"each"`      // what one of them adds, all that logging in left included
}

// memory measures a server that has done nothing else.
func (c *benchCmd) memory(ctx context.Context, dir, binary string) (*memory, error) {
	server, err := startServer(ctx, filepath.Join(dir, "memory"), binary, c.Idle)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	settle := time.Duration(c.Settle * float64(time.Second))
	m := &memory{Connections: c.Idle}
	say("memory, empty")
	if err := rest(ctx, settle); err != nil {
		return nil, err
	}
	if m.Empty, err = residentOf(server.pid); err != nil {
		return nil, err
	}
	say("memory, %d connections", c.Idle)
	if err := server.onboard(ctx); err != nil {
		return nil, err
	}
	idle, err := server.dialAll(ctx, c.Idle)
	if err != nil {
		return nil, server.explain(err)
	}
	defer idle.close()
	if err := rest(ctx, settle); err != nil {
		return nil, err
	}
	if m.Connected, err = residentOf(server.pid); err != nil {
		return nil, err
	}
	m.Each = resident{
		RSS:       (m.Connected.RSS - m.Empty.RSS) / int64(c.Idle),
		Anonymous: (m.Connected.Anonymous - m.Empty.Anonymous) / int64(c.Idle),
	}
	return m, nil
}

// rest lets a server settle.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
