package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// memoryCmd measures what a server occupies, and does, while nobody asks for
// anything.
type memoryCmd struct {
	where   `embed:""`
	Conns   []int   `default:"1000,10000" help:"Idle connections at once (${default})."`
	Records int     `default:"100000" help:"Records to load (${default})."`
	AtSigns int     `name:"atsigns" default:"20" help:"AtSigns in a network of one process (${default})."`
	Settle  float64 `default:"10" help:"Seconds of rest before memory is measured (${default})."`
	Loaded  float64 `default:"60" help:"The same after the load (${default})."`
	Watch   float64 `default:"20" help:"Seconds in which CPU time and wake-ups are counted (${default})."`
}

// Help is what kong shows below the flags.
func (memoryCmd) Help() string {
	return "Each line is a server of its own. With the defaults a run takes five minutes; ten thousand connections take twice " +
		"as many open files."
}

// Validate keeps loads bounded, here also by the files that we may open.
func (c *memoryCmd) Validate() error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	for _, n := range c.Conns {
		if err := within("conns", n, 1, 20_000); err != nil {
			return err
		}
		if uint64(n)+spareFiles > files.Max {
			return fmt.Errorf("%d connections need %d open files, the limit is %d: see ulimit -Hn", n, n+spareFiles, files.Max)
		}
	}
	return errors.Join(
		within("records", c.Records, 0, 1_000_000), within("atsigns", c.AtSigns, 0, 100), seconds("settle", c.Settle, 600),
		seconds("loaded", c.Loaded, 600), seconds("watch", c.Watch, 600),
	)
}

const spareFiles = 500 // of the server, besides connections

// memoryReport is the result.
type memoryReport struct {
	host
	Settle float64 `json:"settleSeconds"`
	Loaded float64 `json:"loadedSeconds"`
	Watch  float64 `json:"watchSeconds"`
	Idle   []idle  `json:"idle"`
}

// idle is a server that nobody asks for anything.
type idle struct {
	With        string   `json:"with"`
	Connections int      `json:"connections,omitempty"`
	Records     int      `json:"records,omitempty"`
	AtSigns     int      `json:"atSigns,omitempty"`
	Now         resident `json:"now"`
	Each        resident `json:"each"` // what one connection adds to an onboarded server, all that logging in left included
	idleness
}

// Run measures and prints.
func (c *memoryCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		all, err := c.idle(ctx, dir, binary)
		return &memoryReport{host: h, Settle: c.Settle, Loaded: c.Loaded, Watch: c.Watch, Idle: all}, err
	})
}

func (c *memoryCmd) idle(ctx context.Context, dir, binary string) (all []idle, err error) {
	steps := []idle{{With: "nothing"}}
	for _, n := range c.Conns {
		steps = append(steps, idle{With: "logged in", Connections: n}, idle{With: "monitors", Connections: n})
	}
	if c.Records > 0 {
		steps = append(steps, idle{With: "records", Records: c.Records})
	}
	if c.AtSigns > 0 {
		steps = append(steps, idle{With: "atSigns", AtSigns: c.AtSigns})
	}
	for i, step := range steps {
		say("idle with %s", step.what())
		measure := c.one
		if step.AtSigns > 0 {
			measure = c.network
		}
		if err := measure(ctx, filepath.Join(dir, "idle"+strconv.Itoa(i)), binary, &step); err != nil {
			return nil, fmt.Errorf("idle with %s: %w", step.what(), err)
		}
		all = append(all, step)
	}
	return all, nil
}

// what it idles with.
func (i idle) what() string {
	if n := i.Connections + i.Records + i.AtSigns; n > 0 {
		return grouped(n) + " " + i.With
	}
	return i.With
}

// one measures a server that has done nothing else.
func (c *memoryCmd) one(ctx context.Context, dir, binary string, i *idle) (err error) {
	server, err := startServer(ctx, dir, binary, i.Connections)
	if err != nil {
		return err
	}
	defer server.stop()
	defer func() { err = server.explain(err) }()
	var before resident
	settle := c.Settle
	if i.Connections+i.Records > 0 {
		if err := server.onboard(ctx); err != nil {
			return err
		}
		if err := rest(ctx, duration(c.Settle)); err != nil {
			return err
		}
		if before, err = residentOf(server.pid); err != nil {
			return err
		}
	}
	if i.Records > 0 {
		settle = c.Loaded
		if err := fill(ctx, &server.target, works["update"], 0, i.Records); err != nil {
			return err
		}
	}
	as := server.target
	if i.With == "monitors" {
		as.welcome = server.monitors
	}
	held, err := as.dialAll(ctx, i.Connections)
	if err != nil {
		return err
	}
	defer held.close()
	if err := c.watch(ctx, server.process, settle, i); err != nil {
		return err
	}
	if n := int64(i.Connections); n > 0 {
		i.Each = resident{(i.Now.RSS - before.RSS) / n, (i.Now.Anonymous - before.Anonymous) / n}
	}
	return nil
}

// network measures a directory and many atSigns in one process.
func (c *memoryCmd) network(ctx context.Context, dir, binary string, i *idle) error {
	args := []string{"network", "up", "--base-port", "0", "--data", filepath.Join(dir, "data")}
	for n := range i.AtSigns {
		args = append(args, "--atsign", "@bench"+strconv.Itoa(n))
	}
	ready := func(line string) string {
		if strings.HasPrefix(line, "ready:") {
			return lastWord(line)
		}
		return ""
	}
	process, err := start(ctx, dir, ready, binary, args...)
	if err != nil {
		return err
	}
	defer process.stop()
	return process.explain(c.watch(ctx, process, c.Settle, i))
}

// watch sees what a process is and does, after so many seconds of rest.
func (c *memoryCmd) watch(ctx context.Context, p *process, settle float64, i *idle) (err error) {
	if err := rest(ctx, duration(settle)); err != nil {
		return err
	}
	if i.Now, err = residentOf(p.pid); err != nil {
		return err
	}
	i.idleness, err = idlenessOf(ctx, p.pid, duration(c.Watch))
	return err
}

// monitors logs in and waits to be told of notifications.
func (s *atserver) monitors(c *stream) error {
	if err := logsIn(c, s.keys); err != nil {
		return err
	}
	c.prompt = ""
	_, err := c.ask("monitor\nnoop:0\n") // monitor is not answered
	return err
}
