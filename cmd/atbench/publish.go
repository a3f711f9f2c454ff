package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// fanouts tells many monitors of each notification.
func (c *notifyCmd) fanouts(ctx context.Context, dir, binary string, r *notifyReport) error {
	if len(c.Monitors) == 0 {
		return nil
	}
	// without the figures that a server tells of its own accord every line is a notification
	server, err := startServer(ctx, filepath.Join(dir, "monitors"), binary, maxConns, "--stats-seconds=-1")
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.onboard(ctx); err != nil {
		return err
	}
	queue, err := startFanout(ctx, filepath.Join(dir, "queue"))
	if err != nil {
		return err
	}
	defer queue.stop()
	for _, monitors := range c.Monitors {
		say("notify %d monitors", monitors)
		ours, err := c.newStage(ctx, &server.target, server.monitors, monitors)
		if err != nil {
			return server.explain(err)
		}
		defer ours.close()
		theirs, err := c.newStage(ctx, &queue.target, subscribes, monitors)
		if err != nil {
			return queue.explain(err)
		}
		defer theirs.close()
		ours.line = fmt.Appendf(nil, "notify:%s:phone.atbench%s:%s\n", benchSign, benchSign, value)
		if _, err := ours.publishing(1)(ctx, 1); err != nil { // to see how long the line is that they are told
			return server.explain(err)
		}
		theirs.line = append(bytes.Repeat([]byte("x"), int(ours.bytes.Load()/ours.heard.Load())-1), '\n')
		for _, flight := range c.Flight {
			p, err := byTurns(ctx, c.Pairs, duration(c.Seconds), ours.publishing(flight), theirs.publishing(flight))
			if err != nil {
				return server.explain(err)
			}
			r.Rates = append(r.Rates, rate{Work: "deliver", Against: "Go queue", Connections: monitors, Pipeline: flight, pairs: p})
		}
		ours.close()
		theirs.close()
	}
	return nil
}

// subscribes is what monitors of the queue do.
func subscribes(c *stream) error {
	c.prompt = ""
	_, err := c.ask("monitor\nnoop:0\n")
	return err
}

// stage is a publisher and its audience.
type stage struct {
	*target
	*audience
	publisher *stream
	line      []byte
}

func (c *notifyCmd) newStage(ctx context.Context, t *target, monitors func(*stream) error, n int) (*stage, error) {
	publisher, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	as := *t
	as.welcome = monitors
	on, err := as.dialAll(ctx, n)
	if err != nil {
		publisher.conn.Close()
		return nil, err
	}
	return &stage{target: t, audience: listen(on), publisher: publisher}, nil
}

func (s *stage) close() {
	s.publisher.conn.Close()
	s.on.close()
}

// publishing publishes so many at once, waits until each monitor has heard them,
// and goes on. A request is one line that one monitor was told.
func (s *stage) publishing(flight int) measurement {
	lines := bytes.Repeat(s.line, flight)
	return func(ctx context.Context, length time.Duration) (c cost, err error) {
		var took []float64
		before, err := activityOf(s.pid)
		if err != nil {
			return c, err
		}
		s.publisher.conn.SetDeadline(time.Now().Add(length + patience))
		for begin := time.Now(); c.elapsed < length; c.elapsed = time.Since(begin) {
			sent := time.Now()
			s.publisher.out = append(s.publisher.out[:0], lines...)
			if err := s.publisher.exchange(flight); err != nil {
				return c, err
			}
			if err := s.await(ctx, flight); err != nil {
				return c, err
			}
			took = append(took, milliseconds(time.Since(sent)))
		}
		after, err := activityOf(s.pid)
		c.requests = int64(len(took) * flight * len(s.on))
		c.cpu, c.took = after.cpu-before.cpu, quantilesOf(took)
		return c, err
	}
}
