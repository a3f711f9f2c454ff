package main

import (
	"context"
	"errors"
	"slices"
	"time"
)

// beside is what a single durable update takes while another connection reads
// all there is, again and again, and while none does.
type beside struct {
	Reads  string    `json:"reads"`
	Times  int       `json:"times"` // that it read all
	Alone  quantiles `json:"aloneMs"`
	Beside quantiles `json:"besideMs"`
	Ratio  quantiles `json:"ratio"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// beside measures both in turn.
func (s *scaling) beside(ctx context.Context) error {
	on, err := s.server.dialAll(ctx, 2)
	if err != nil {
		return err
	}
	defer on.close()
	writer, reader := on[0], on[1]
	for _, b := range []struct {
		reads string
		all   func(ctx context.Context) error
	}{
		{"scan", func(ctx context.Context) error {
			_, err := timed(ctx, reader, []byte("scan\n"), `"k`, s.Keys)
			return err
		}},
		{"sync by 1000", func(ctx context.Context) error {
			for from, n := int64(-1), 1000; n == 1000; {
				next, entries, err := s.page(ctx, reader, from, 1000)
				if err != nil {
					return err
				}
				from, n = next, entries
			}
			return nil
		}},
	} {
		r := beside{Reads: b.reads}
		var alone, during []float64
		for range s.Rounds {
			quiet, err := s.updates(ctx, writer)
			if err != nil {
				return err
			}
			stop := again(ctx, b.all)
			busy, err := s.updates(ctx, writer)
			times, failed := stop()
			if err := errors.Join(err, failed); err != nil {
				return err
			}
			alone, during, r.Times = append(alone, quiet...), append(during, busy...), r.Times+times
		}
		r.Alone, r.Beside = quantilesOf(alone), quantilesOf(during)
		r.Ratio = quantiles{r.Beside.P50 / r.Alone.P50, r.Beside.P99 / r.Alone.P99}
		s.report.Beside = append(s.report.Beside, r)
	}
	return nil
}

// again repeats something until stop is called, which tells how often.
func again(ctx context.Context, f func(context.Context) error) (stop func() (times int, err error)) {
	ended, over := make(chan struct{}), make(chan struct{})
	var times int
	var err error
	go func() {
		defer close(ended)
		for {
			if err = f(ctx); err != nil {
				return
			}
			times++
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	return func() (int, error) {
		close(over)
		<-ended
		return times, err
	}
}

// updates writes records one after the other, for as long as a measurement is,
// and returns what each took, in ms.
func (s *scaling) updates(ctx context.Context, on *stream) (took []float64, err error) {
	length := time.Duration(s.Seconds * float64(time.Second))
	begin := time.Now()
	on.conn.SetDeadline(begin.Add(length + longPatience))
	for sent := begin; sent.Sub(begin) < length && ctx.Err() == nil; {
		on.out = s.update(on.out[:0], len(took)*7919%s.Keys)
		if err := on.exchange(1); err != nil {
			return nil, err
		}
		now := time.Now()
		took = append(took, milliseconds(now.Sub(sent)))
		sent = now
	}
	return took, ctx.Err()
}

// quantilesOf sums up at least one value.
func quantilesOf(values []float64) quantiles {
	slices.Sort(values)
	at := func(percent int) float64 { return values[(len(values)-1)*percent/100] }
	return quantiles{at(50), at(99)}
}
