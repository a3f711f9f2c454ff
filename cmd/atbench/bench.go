package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// benchCmd is one run.
type benchCmd struct {
	where    `embed:""`
	Work     []string `default:"noop,llookup,update" enum:"noop,llookup,update" help:"What to ask for (${default})."`
	Conns    []int    `default:"1,50" help:"Connections at once (${default})."`
	Pairs    int      `default:"5" help:"Pairs of measurements for each figure (${default})."`
	Seconds  float64  `default:"1" help:"Length of a measurement (${default})."`
	Pipeline int      `default:"1" help:"Requests in flight on a connection (${default})."`
	Records  int      `default:"10000" help:"Records in the store (${default})."`
	Idle     int      `default:"1000" help:"Idle connections to measure the memory of, 0 for none (${default})."`
	Settle   float64  `default:"15" help:"Seconds of rest before memory is measured (${default})."`
}

// Help is what kong shows below the flags.
func (benchCmd) Help() string {
	return "With the defaults a run takes two minutes. Quiet machines give narrow ranges."
}

// Validate keeps loads bounded.
func (c *benchCmd) Validate() error {
	if !(c.Seconds > 0 && c.Seconds <= 60 && c.Settle >= 0 && c.Settle <= 600) {
		return errors.New("--seconds must be at most 60, --settle at most 600")
	}
	if len(c.Conns) == 0 {
		return errors.New("--conns is empty")
	}
	return errors.Join(
		within("conns", slices.Min(c.Conns), 1, maxConns), within("conns", slices.Max(c.Conns), 1, maxConns),
		within("pairs", c.Pairs, 1, 1000), within("pipeline", c.Pipeline, 1, maxPipeline),
		within("records", c.Records, 1, 1_000_000), within("idle", c.Idle, 0, 20_000),
	)
}

func within(name string, value, least, most int) error {
	if value < least || value > most {
		return fmt.Errorf("--%s must be from %d to %d", name, least, most)
	}
	return nil
}

const (
	maxConns    = 2000
	maxPipeline = 256 // more and both sides wait for the other to read
)

// Run measures and prints.
func (c *benchCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		r := &report{
			host: h, Pairs: c.Pairs, Seconds: c.Seconds, Pipeline: c.Pipeline, Records: c.Records, ValueBytes: len(value),
		}
		var err error
		if c.Idle > 0 {
			r.Memory, err = c.memory(ctx, dir, binary)
		}
		if err == nil {
			r.Rates, err = c.rates(ctx, dir, binary)
		}
		return r, err
	})
}

// rates compares the rates of a server and an echo.
func (c *benchCmd) rates(ctx context.Context, dir, binary string) ([]rate, error) {
	atserver, err := startServer(ctx, filepath.Join(dir, "rates"), binary, slices.Max(c.Conns))
	if err != nil {
		return nil, err
	}
	defer atserver.stop()
	if err := atserver.onboard(ctx); err != nil {
		return nil, err
	}
	say("writing %d records", c.Records)
	if err := fill(ctx, &atserver.target, works["update"], 0, c.Records); err != nil {
		return nil, atserver.explain(err)
	}
	echo, err := startEcho(ctx, filepath.Join(dir, "echo"))
	if err != nil {
		return nil, err
	}
	defer echo.stop()
	var rates []rate
	for _, name := range c.Work {
		for _, conns := range c.Conns {
			say("%s, %d connections", name, conns)
			r, err := c.compare(ctx, &atserver.target, echo, load{works[name], c.Records, c.Pipeline}, conns)
			if err != nil {
				return nil, atserver.explain(fmt.Errorf("%s: %w", name, err))
			}
			r.Work, r.Connections = name, conns
			rates = append(rates, r)
		}
	}
	return rates, nil
}

// compare drives both in turn, after a warm-up that does not count.
func (c *benchCmd) compare(ctx context.Context, atserver, echo *target, l load, conns int) (rate, error) {
	ours, err := atserver.dialAll(ctx, conns)
	if err != nil {
		return rate{}, err
	}
	defer ours.close()
	plain, err := echo.dialAll(ctx, conns)
	if err != nil {
		return rate{}, err
	}
	defer plain.close()
	length := time.Duration(c.Seconds * float64(time.Second))
	var r rate
	for i := -1; i < c.Pairs; i++ {
		d := length
		if i < 0 {
			d /= 4
		}
		a, err := atserver.drive(ctx, ours, l, d)
		if err != nil {
			return rate{}, err
		}
		b, err := echo.drive(ctx, plain, l, d)
		if err != nil {
			return rate{}, fmt.Errorf("echo: %w", err)
		}
		if i >= 0 {
			r.add(a, b)
		}
	}
	return r, nil
}

// say keeps whoever waits posted.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "atbench: "+format+"\n", args...) }
