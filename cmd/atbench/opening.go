package main

import (
	"context"
	"time"

	"atserver/verbs/wire"
)

// opening is the time from the start of the process to the first answered
// command, over TLS, on the store that it left.
type opening struct {
	After string `json:"after"`
	Took  spread `json:"ms"`
}

// lately is how many updates precede a kill, which the server has not put away.
const lately = 10_000

func (s *scaling) opening(ctx context.Context) error {
	streams{s.owner, s.narrow, s.broad}.close()
	for _, o := range []struct {
		after string
		end   func() error
	}{
		{"a clean stop", func() error { s.server.stop(); return nil }},
		{"kill -9 after " + grouped(min(lately, s.Keys)) + " updates", func() error {
			if err := fill(ctx, &s.server.target, s.update, 0, min(lately, s.Keys)); err != nil {
				return err
			}
			s.server.kill()
			return nil
		}},
	} {
		opened, err := s.server.openings(ctx, s.Rounds, o.after, o.end)
		if err != nil {
			return err
		}
		s.report.Opening = append(s.report.Opening, opened)
	}
	return nil
}

// openings ends a server and starts it again, so many times.
func (s *atserver) openings(ctx context.Context, times int, after string, end func() error) (opening, error) {
	var took []float64
	for range times {
		if err := end(); err != nil {
			return opening{}, err
		}
		d, err := s.reopen(ctx)
		if err != nil {
			return opening{}, err
		}
		took = append(took, d)
	}
	return opening{after, spreadOf(took)}, nil
}

// reopen starts the server and asks it something.
func (s *atserver) reopen(ctx context.Context) (float64, error) {
	begin := time.Now()
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	stranger := s.target
	stranger.welcome = func(c *stream) error {
		c.prompt = wire.Prompt("")
		if err := c.greeting(); err != nil {
			return err
		}
		_, err := c.ask("noop:0\n")
		return err
	}
	c, err := stranger.dial(ctx)
	if err != nil {
		return 0, err
	}
	took := milliseconds(time.Since(begin))
	return took, c.conn.Close()
}
