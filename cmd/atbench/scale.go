package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// scaleCmd measures what grows with what.
type scaleCmd struct {
	where      `embed:""`
	Keys       int     `default:"100000" help:"Records in the store (${default})."`
	Namespaces int     `default:"1000" help:"Namespaces that they are in, one of them ten times as large (${default})."`
	Rounds     int     `default:"9" help:"Measurements for each figure (${default})."`
	Seconds    float64 `default:"1" help:"Length of a measurement of updates (${default})."`
	Settle     float64 `default:"5" help:"Seconds of rest before memory is measured (${default})."`
}

// Help is what kong shows below the flags.
func (scaleCmd) Help() string {
	return "The store is filled in two halves, so that what grows with it can be told from what does not."
}

// Validate keeps loads bounded, and leaves both halves whole namespaces.
func (c *scaleCmd) Validate() error {
	if !(c.Seconds > 0 && c.Seconds <= 60 && c.Settle >= 0 && c.Settle <= 600) {
		return errors.New("--seconds must be at most 60, --settle at most 600")
	}
	if c.Namespaces > 0 && c.Keys%(2*c.Namespaces) != 0 {
		return errors.New("--keys must be an even number of times --namespaces")
	}
	return errors.Join(
		within("keys", c.Keys, 100, 1_000_000), within("namespaces", c.Namespaces, 4*wide, 100_000),
		within("rounds", c.Rounds, 1, 1000),
	)
}

// scaling is a run under way.
type scaling struct {
	*scaleCmd
	server               *atserver
	owner, narrow, broad *stream // the latter two may one namespace: an ordinary one, and the wide one
	report               *scaleReport
}

const (
	maxBusy    = 50    // connections open at once
	lineBudget = "128" // MiB, for eight commands with a value of 10 MB
)

// Run measures and prints.
func (c *scaleCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		return c.scaled(ctx, filepath.Join(dir, "scale"), binary, h)
	})
}

// scaled makes the report.
func (c *scaleCmd) scaled(ctx context.Context, dir, binary string, h host) (*scaleReport, error) {
	server, err := startServer(ctx, dir, binary, maxBusy, "--line-budget-mib", lineBudget)
	if err != nil {
		return nil, err
	}
	defer func() { server.stop() }() // by then it may be another process
	s := &scaling{scaleCmd: c, server: server, report: &scaleReport{
		host: h, Keys: c.Keys, Namespaces: c.Namespaces, Rounds: c.Rounds, Seconds: c.Seconds, ValueBytes: len(value),
	}}
	if err := s.run(ctx); err != nil {
		return nil, server.explain(err)
	}
	return s.report, nil
}

func (s *scaling) run(ctx context.Context) error {
	half, full := s.Keys/2, s.Keys
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"empty", func() error { return nil }},
		{"onboarded, with two apps", func() error { return s.connect(ctx) }},
		{grouped(half) + " records", func() error { return s.fill(ctx, 0, half) }},
		{"scans and stats of these", func() error { return s.grow(ctx, true) }},
		{grouped(full) + " records", func() error { return s.fill(ctx, half, full) }},
		{"scans and stats of all", func() error { return s.grow(ctx, false) }},
		{"sync by pages", func() error { return s.pages(ctx) }},
		{"updates beside scans and syncs", func() error { return s.beside(ctx) }},
		{"large values", func() error { return s.large(ctx) }},
		{"stops and starts", func() error { return s.opening(ctx) }},
	} {
		say("%s", step.name)
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if err := rest(ctx, time.Duration(s.Settle*float64(time.Second))); err != nil {
			return err
		}
		m, err := residentOf(s.server.pid)
		if err != nil {
			return err
		}
		s.report.Memory = append(s.report.Memory, occupied{step.name, m})
	}
	return nil
}

// fill writes records through the protocol.
func (s *scaling) fill(ctx context.Context, first, end int) error {
	begin := time.Now()
	if err := fill(ctx, &s.server.target, s.update, first, end); err != nil {
		return err
	}
	s.report.FillPerSecond = float64(end-first) / time.Since(begin).Seconds()
	return nil
}

// longPatience is how long one reply may take.
const longPatience = 5 * time.Minute

// repeat measures a request as often as asked for, in ms. Each reply must
// hold something so many times at least.
func (s *scaling) repeat(ctx context.Context, on *stream, line []byte, holds string, times int) (spread, error) {
	var took []float64
	for range s.Rounds {
		d, err := timed(ctx, on, line, holds, times)
		if err != nil {
			return spread{}, err
		}
		took = append(took, d)
	}
	return spreadOf(took), nil
}

// timed measures one request, in ms.
func timed(ctx context.Context, on *stream, line []byte, holds string, times int) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	begin := time.Now()
	on.conn.SetDeadline(begin.Add(longPatience))
	payload, err := on.askLong(line)
	took := milliseconds(time.Since(begin))
	if err != nil {
		return 0, err
	}
	if n := count(payload, holds); n < times {
		return 0, fmt.Errorf("%.100q: %d of %s in the reply, want %d", line, n, holds, times)
	}
	return took, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
