package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// notifyCmd measures how notifications come on.
type notifyCmd struct {
	where       `embed:""`
	Pairs       int     `default:"9" help:"Pairs of measurements for each figure (${default})."`
	Seconds     float64 `default:"1" help:"Length of a measurement (${default})."`
	Monitors    []int   `default:"100,1000" help:"Monitors to tell of each notification (${default})."`
	Flight      []int   `default:"1,32" help:"Notifications on their way at once (${default})."`
	Unreachable int     `default:"100" help:"AtSigns that never answer, and that a notification waits for (${default})."`
	Settle      float64 `default:"12" help:"Seconds in which the server finds out that these do not answer (${default})."`
}

// Help is what kong shows below the flags.
func (notifyCmd) Help() string {
	return "From one atSign to a monitor of another, through three processes: beside durable updates, which either server makes " +
		"one of, and with many waiting for others who never answer beside none. To many monitors: deliveries, beside a Go " +
		"program that has a queue for each and keeps nothing."
}

// Validate keeps loads bounded.
func (c *notifyCmd) Validate() error {
	err := errors.Join(within("pairs", c.Pairs, 1, 1000), seconds("seconds", c.Seconds, 60), seconds("settle", c.Settle, 600),
		within("unreachable", c.Unreachable, 1, 1000))
	for _, n := range c.Monitors {
		err = errors.Join(err, within("monitors", n, 1, maxConns))
	}
	for _, n := range c.Flight {
		err = errors.Join(err, within("flight", n, 1, maxPipeline))
	}
	return err
}

// notifyReport is the result.
type notifyReport struct {
	report
	First float64 `json:"firstMs"` // for the first one behind all those that wait for others
}

// Run measures and prints.
func (c *notifyCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		r := &notifyReport{report: report{host: h, Pairs: c.Pairs, Seconds: c.Seconds}}
		err := c.latency(ctx, filepath.Join(dir, "neighbours"), binary, r)
		if err == nil {
			err = c.fanouts(ctx, dir, binary, r)
		}
		return r, err
	})
}

// What @alice and @carol tell @bob. @alice has more to do.
const alice, bob, carol = "@alice", "@bob", "@carol"

// latency measures from one atSign to the other.
func (c *notifyCmd) latency(ctx context.Context, dir, binary string, r *notifyReport) error {
	n, err := startNeighbours(ctx, dir, binary, c.Unreachable, alice, bob, carol)
	if err != nil {
		return err
	}
	defer n.stop()
	listening := n.servers[bob].target
	listening.welcome = n.servers[bob].monitors
	monitor, err := listening.dial(ctx)
	if err != nil {
		return err
	}
	defer monitor.conn.Close()
	heard := &listener{monitor.conn, bufio.NewReader(monitor.conn)}
	var from [2]*stream
	for i, sender := range []*atserver{n.servers[alice], n.servers[carol]} {
		if from[i], err = sender.dial(ctx); err != nil {
			return err
		}
		defer from[i].conn.Close()
	}
	tells := [2]measurement{n.servers[alice].telling(from[0], heard), n.servers[carol].telling(from[1], heard)}
	writes := n.servers[carol].driving(from[1:], load{updates(carol), 1000, 1})

	say("notify against update")
	p, err := byTurns(ctx, c.Pairs, duration(c.Seconds), tells[1], writes)
	if err != nil {
		return err
	}
	r.Rates = append(r.Rates, rate{Work: "notify", Against: "update", Connections: 1, Pipeline: 1, pairs: p})

	say("notify with %d out of reach", c.Unreachable)
	for i := range c.Unreachable {
		if _, err := from[0].ask(fmt.Sprintf("notify:%s:phone.atbench%s:%s\n", unreachableSign(i), alice, value)); err != nil {
			return err
		}
	}
	first, err := tells[0](ctx, 0)
	if err != nil {
		return err
	}
	r.First = first.took.P50
	if err := rest(ctx, duration(c.Settle)); err != nil {
		return err
	}
	p, err = byTurns(ctx, c.Pairs, duration(c.Seconds), tells[0], tells[1])
	r.Rates = append(r.Rates, rate{Work: fmt.Sprintf("+%d waiting", c.Unreachable), Against: "none waiting", Connections: 1, Pipeline: 1, pairs: p})
	return err
}

// updates is works["update"] for another atSign.
func updates(sign string) work {
	return func(line []byte, record int) []byte {
		return fmt.Appendf(line, "update:r%d.atbench%s %s\n", record, sign, value)
	}
}

// telling tells @bob something, one at a time, and waits until his monitor says it:
// at least once.
func (s *atserver) telling(from *stream, heard *listener) measurement {
	line := fmt.Appendf(nil, "notify:%s:phone.atbench%s:%s\n", bob, s.sign, value)
	return func(ctx context.Context, length time.Duration) (c cost, err error) {
		var took []float64
		before, err := activityOf(s.pid)
		if err != nil {
			return c, err
		}
		from.conn.SetDeadline(time.Now().Add(length + patience))
		heard.SetDeadline(time.Now().Add(length + patience))
		for begin := time.Now(); (c.elapsed < length || len(took) == 0) && ctx.Err() == nil; c.elapsed = time.Since(begin) {
			sent := time.Now()
			from.out = append(from.out[:0], line...)
			if err := from.exchange(1); err != nil {
				return c, err
			}
			if err := heard.from(string(s.sign)); err != nil {
				return c, err
			}
			took = append(took, milliseconds(time.Since(sent)))
		}
		after, err := activityOf(s.pid)
		c.requests, c.cpu, c.took = int64(len(took)), after.cpu-before.cpu, quantilesOf(took)
		return c, errors.Join(err, ctx.Err())
	}
}

// listener is a monitor of which the lines matter.
type listener struct {
	net.Conn
	lines *bufio.Reader
}

// from waits for what comes from somebody, and passes over the server's own lines.
func (l *listener) from(sign string) error {
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.Contains(line, `"from":"`+sign+`"`) && !strings.Contains(line, `"id":"-1"`) {
			return nil
		}
	}
}

// writeTable prints the report for people.
func (r *notifyReport) writeTable(w io.Writer) error {
	if err := r.report.writeTable(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nthe first notification behind those for atSigns that never answer: %.1f ms\n", r.First)
	return err
}
