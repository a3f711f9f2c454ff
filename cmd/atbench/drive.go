package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// value is what records hold.
var value = strings.Repeat("0123456789", 10)

// work appends a request that concerns a record.
type work func(line []byte, record int) []byte

var works = map[string]work{
	"noop": func(line []byte, _ int) []byte { return append(line, "noop:0\n"...) },
	"llookup": func(line []byte, record int) []byte {
		return append(appendKey(append(line, "llookup:"...), record), '\n')
	},
	"update": func(line []byte, record int) []byte {
		line = append(appendKey(append(line, "update:"...), record), ' ')
		return append(append(line, value...), '\n')
	},
}

func appendKey(line []byte, record int) []byte {
	return append(strconv.AppendInt(append(line, 'r'), int64(record), 10), ".atbench"+benchSign...)
}

// load is work for records at random, with so many requests in flight on each
// connection.
type load struct {
	work     work
	records  int
	pipeline int
}

// cost is what a measurement found.
type cost struct {
	requests int64
	elapsed  time.Duration
	cpu      time.Duration // of the target
	took     quantiles     // in ms, from sending what is in flight to having the replies
}

// driving is drive as one side of a comparison.
func (t *target) driving(on streams, l load) measurement {
	return func(ctx context.Context, length time.Duration) (cost, error) { return t.drive(ctx, on, l, length) }
}

// samples is how many times are kept of one measurement, those of all connections
// together: any of them is as likely to be kept.
const samples = 100_000

// patience is how long a target may take beyond the length of a measurement.
const patience = 30 * time.Second

// drive puts load on a target for some time, one goroutine a connection. Each asks
// once at least, however late it comes to run.
func (t *target) drive(ctx context.Context, on streams, l load, length time.Duration) (c cost, err error) {
	if err := ctx.Err(); err != nil {
		return cost{}, err
	}
	var over atomic.Bool
	end := func() { over.Store(true) }
	defer context.AfterFunc(ctx, end)()
	before, err := activityOf(t.pid)
	if err != nil {
		return cost{}, err
	}
	begin := time.Now()
	defer time.AfterFunc(length, end).Stop()
	var requests atomic.Int64
	took := make([][]float64, len(on))
	err = on.each(begin.Add(length+patience), func(i int, s *stream) error {
		random := rand.New(rand.NewPCG(uint64(i), uint64(begin.UnixNano())))
		n, kept := int64(0), make([]float64, 0, samples/len(on))
		defer func() { requests.Add(n); took[i] = kept }()
		for n == 0 || !over.Load() {
			s.out = s.out[:0]
			for range l.pipeline {
				s.out = l.work(s.out, random.IntN(l.records))
			}
			sent := time.Now()
			if err := s.exchange(l.pipeline); err != nil {
				return err
			}
			ms := milliseconds(time.Since(sent))
			n += int64(l.pipeline)
			if len(kept) < cap(kept) {
				kept = append(kept, ms)
			} else if at := random.Int64N(n / int64(l.pipeline)); at < int64(len(kept)) {
				kept[at] = ms
			}
		}
		return nil
	})
	c = cost{requests: requests.Load(), elapsed: time.Since(begin)}
	after, failed := activityOf(t.pid)
	c.cpu = after.cpu - before.cpu
	if err := errors.Join(err, failed, ctx.Err()); err != nil {
		return cost{}, err
	}
	c.took = quantilesOf(slices.Concat(took...))
	return c, nil
}

// fill does a work once for every record from first up to end.
func fill(ctx context.Context, t *target, work work, first, end int) error {
	const conns, pipeline = 20, 16
	on, err := t.dialAll(ctx, conns)
	if err != nil {
		return err
	}
	defer on.close()
	return on.each(time.Now().Add(patience+time.Duration(end-first)*time.Millisecond), func(i int, s *stream) error {
		for record := first + i; record < end && ctx.Err() == nil; {
			s.out = s.out[:0]
			n := 0
			for ; n < pipeline && record < end; n++ {
				s.out = work(s.out, record)
				record += conns
			}
			if err := s.exchange(n); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// each runs f for all streams at once; what it reads and writes must be done by
// the deadline.
func (all streams) each(deadline time.Time, f func(int, *stream) error) error {
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, s := range all {
		s.conn.SetDeadline(deadline)
		running.Go(func() { errs[i] = f(i, s) })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the others say the same
		}
	}
	return nil
}

// exchange sends what is in out and awaits n replies.
func (s *stream) exchange(n int) error {
	if _, err := s.conn.Write(s.out); err != nil {
		return err
	}
	_, err := s.await(n)
	return err
}
