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
	Against  []string `default:"echo" enum:"echo,redis" help:"What to measure beside: the echo, a Redis that is as durable (${default})."`
	Work     []string `default:"noop,llookup,update" enum:"noop,llookup,update" help:"What to ask for (${default})."`
	Conns    []int    `default:"1,50" help:"Connections at once (${default})."`
	Pairs    int      `default:"9" help:"Pairs of measurements for each figure (${default})."`
	Seconds  float64  `default:"1" help:"Length of a measurement (${default})."`
	Pipeline []int    `default:"1" help:"Requests in flight on a connection (${default})."`
	Records  int      `default:"10000" help:"Records in the store (${default})."`
	SVG      string   `placeholder:"FILE" help:"Draw latency against load as well; wants several --conns."`
}

// Help is what kong shows below the flags.
func (benchCmd) Help() string {
	return "With the defaults a run takes two minutes. Quiet machines give narrow ranges."
}

// Validate keeps loads bounded.
func (c *benchCmd) Validate() error {
	if err := seconds("seconds", c.Seconds, 60); err != nil {
		return err
	}
	if len(c.Conns) == 0 || len(c.Pipeline) == 0 {
		return errors.New("--conns and --pipeline must not be empty")
	}
	return errors.Join(
		within("conns", slices.Min(c.Conns), 1, maxConns), within("conns", slices.Max(c.Conns), 1, maxConns),
		within("pipeline", slices.Min(c.Pipeline), 1, maxPipeline), within("pipeline", slices.Max(c.Pipeline), 1, maxPipeline),
		within("pairs", c.Pairs, 1, 1000), within("records", c.Records, 1, 1_000_000),
	)
}

func within(name string, value, least, most int) error {
	if value < least || value > most {
		return fmt.Errorf("--%s must be from %d to %d", name, least, most)
	}
	return nil
}

// seconds must be some, and not many.
func seconds(name string, value, most float64) error {
	if !(value > 0 && value <= most) {
		return fmt.Errorf("--%s must be more than 0, and %v at most", name, most)
	}
	return nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

const (
	maxConns    = 2000
	maxPipeline = 256 // more and both sides wait for the other to read
)

// Run measures and prints.
func (c *benchCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		rates, err := c.rates(ctx, dir, binary)
		r := &report{
			host: h, Pairs: c.Pairs, Seconds: c.Seconds, Records: c.Records, ValueBytes: len(value), Rates: rates,
		}
		if err == nil && c.SVG != "" {
			err = r.writeSVG(c.SVG)
		}
		return r, err
	})
}

// rates compares the rates of a server and its rivals.
func (c *benchCmd) rates(ctx context.Context, dir, binary string) (rates []rate, err error) {
	conns := slices.Max(c.Conns)
	atserver, err := startServer(ctx, filepath.Join(dir, "rates"), binary, conns)
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
	for _, name := range c.Against {
		rival, err := startRival(ctx, name, dir, conns, c.Records)
		if err != nil {
			return nil, err
		}
		defer rival.stop()
		for _, work := range c.Work {
			for _, conns := range c.Conns {
				for _, pipeline := range c.Pipeline {
					say("%s against %s, %d connections, %d in flight on each", work, name, conns, pipeline)
					r := rate{Work: work, Against: name, Connections: conns, Pipeline: pipeline}
					if r.pairs, err = c.compare(ctx, &atserver.target, rival, r); err != nil {
						return nil, atserver.explain(fmt.Errorf("%s against %s: %w", work, name, err))
					}
					rates = append(rates, r)
				}
			}
		}
	}
	return rates, nil
}

// compare drives both in turn.
func (c *benchCmd) compare(ctx context.Context, atserver *target, rival *rival, r rate) (pairs, error) {
	ours, err := atserver.dialAll(ctx, r.Connections)
	if err != nil {
		return pairs{}, err
	}
	defer ours.close()
	theirs, err := rival.dialAll(ctx, r.Connections)
	if err != nil {
		return pairs{}, err
	}
	defer theirs.close()
	return byTurns(ctx, c.Pairs, duration(c.Seconds),
		atserver.driving(ours, load{works[r.Work], c.Records, r.Pipeline}),
		rival.driving(theirs, load{rival.works[r.Work], c.Records, r.Pipeline}))
}

// say keeps whoever waits posted.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "atbench: "+format+"\n", args...) }
