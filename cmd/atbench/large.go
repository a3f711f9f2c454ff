package main

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// large is what values of the largest size do to a server.
type large struct {
	Connections int      `json:"connections"` // each with one
	Before      resident `json:"before"`
	Write       moved    `json:"write"`
	Read        moved    `json:"read"`
}

// moved is one direction.
type moved struct {
	Seconds float64 `json:"seconds"` // for all
	Peak    int64   `json:"peakRss"`
}

const largeBytes = 10_000_000

// large writes and reads back, by one connection and by eight at once.
func (s *scaling) large(ctx context.Context) error {
	values := bytes.Repeat([]byte("large 10 M"), largeBytes/10)
	for _, conns := range []int{1, 8} {
		on, err := s.server.dialAll(ctx, conns)
		if err != nil {
			return err
		}
		defer on.close()
		l := large{Connections: conns}
		if l.Before, err = residentOf(s.server.pid); err != nil {
			return err
		}
		l.Write, err = s.move(on, func(i int, c *stream) error {
			line := append(fmt.Appendf(nil, "update:large%d.large%s ", i, benchSign), values...)
			_, err := c.askLong(append(line, '\n'))
			return err
		})
		if err != nil {
			return err
		}
		l.Read, err = s.move(on, func(i int, c *stream) error {
			got, err := c.askLong(fmt.Appendf(nil, "llookup:large%d.large%s\n", i, benchSign))
			if err == nil && !bytes.Equal(got, values) {
				err = fmt.Errorf("%d bytes came back, or others", len(got))
			}
			return err
		})
		if err != nil {
			return err
		}
		s.report.Large = append(s.report.Large, l)
	}
	return nil
}

// move does something on all connections at once and sees how much memory that
// takes the server at most.
func (s *scaling) move(on streams, f func(int, *stream) error) (m moved, err error) {
	if err := forgetPeak(s.server.pid); err != nil {
		return m, err
	}
	begin := time.Now()
	if err := on.each(begin.Add(longPatience), f); err != nil {
		return m, err
	}
	m.Seconds = time.Since(begin).Seconds()
	m.Peak, err = peakOf(s.server.pid)
	return m, err
}
