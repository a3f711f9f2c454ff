package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// startCmd measures the time from the start of the process to its first answer.
type startCmd struct {
	where   `embed:""`
	Records int `default:"100000" help:"Records in the full store (${default})."`
	Rounds  int `default:"9" help:"Starts for each figure (${default})."`
}

// Help is what kong shows below the flags.
func (startCmd) Help() string {
	return "Before each kill -9, 10,000 new records are acknowledged; after the start each of them must be there."
}

// Validate keeps loads bounded.
func (c *startCmd) Validate() error {
	return errors.Join(within("records", c.Records, 1, 1_000_000), within("rounds", c.Rounds, 1, 100))
}

// startReport is the result.
type startReport struct {
	host
	Records int       `json:"records"`
	Rounds  int       `json:"rounds"`
	Opening []opening `json:"opening"`
}

// Run measures and prints.
func (c *startCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		all, err := c.starts(ctx, filepath.Join(dir, "start"), binary)
		return &startReport{host: h, Records: c.Records, Rounds: c.Rounds, Opening: all}, err
	})
}

// starts goes from a store with next to nothing in it to one with all records.
func (c *startCmd) starts(ctx context.Context, dir, binary string) (all []opening, err error) {
	server, err := startServer(ctx, dir, binary, maxBusy)
	if err != nil {
		return nil, err
	}
	defer func() { server.stop() }() // by then it may be another process
	if err := server.onboard(ctx); err != nil {
		return nil, err
	}
	records := 0
	write := func(more int) error {
		if err := fill(ctx, &server.target, works["update"], records, records+more); err != nil {
			return err
		}
		records += more
		return nil
	}
	stopped := func() error { server.stop(); return nil }
	killed := func() error {
		if err := write(min(lately, c.Records)); err != nil {
			return err
		}
		server.kill()
		return nil
	}
	with := " with " + grouped(c.Records) + " records"
	for _, step := range []struct {
		after string
		with  int
		end   func() error
	}{
		{"a clean stop, onboarded", 0, stopped},
		{"a clean stop" + with, c.Records, stopped},
		{"kill -9" + with, 0, killed},
	} {
		say("start after %s", step.after)
		if err := write(step.with); err != nil {
			return nil, server.explain(err)
		}
		o, err := server.openings(ctx, c.Rounds, step.after, step.end)
		if err != nil {
			return nil, server.explain(err)
		}
		all = append(all, o)
	}
	say("reading %d records", records)
	if err := fill(ctx, &server.target, works["llookup"], 0, records); err != nil {
		return nil, fmt.Errorf("an acknowledged record is not there: %w", err)
	}
	return all, nil
}

// writeTable prints the report for people.
func (r *startReport) writeTable(w io.Writer) error {
	var b bytes.Buffer
	r.writeHead(&b)
	fmt.Fprintf(&b, "medians of %d; nothing acknowledged was missing\n\n", r.Rounds)
	tableOpening(&b, r.Opening)
	_, err := b.WriteTo(w)
	return err
}
