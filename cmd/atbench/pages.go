package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"
)

// pages is the whole commit log, read by pages of one size.
type pages struct {
	Limit   int     `json:"limit"`
	Pages   int     `json:"pages"`
	Entries int     `json:"entries"`
	Seconds float64 `json:"seconds"` // for all
	First   spread  `json:"firstMs"` // page, as all that follow a full one
	Middle  spread  `json:"middleMs"`
	Last    spread  `json:"lastMs"`

	// of the medians to that of the first: 1 when a page costs by its size
	MiddleRatio float64 `json:"middleRatio"`
	LastRatio   float64 `json:"lastRatio"`
}

// pages reads the log to its end, and then its first, middle and last page in
// turn.
func (s *scaling) pages(ctx context.Context) error {
	for _, limit := range []int{1000, 100} {
		p := pages{Limit: limit}
		begin := time.Now()
		var full []int64 // where full pages start
		for from, n := int64(-1), limit; n == limit; {
			next, entries, err := s.page(ctx, s.owner, from, limit)
			if err != nil {
				return err
			}
			if n = entries; n == limit {
				full = append(full, from)
			}
			from = next
			p.Entries += n
			p.Pages++
		}
		p.Seconds = time.Since(begin).Seconds()
		if p.Entries < s.Keys || len(full) == 0 {
			return fmt.Errorf("%d entries in %d pages, %d full", p.Entries, p.Pages, len(full))
		}
		var took [3][]float64
		for range s.Rounds {
			for i, from := range []int64{full[0], full[len(full)/2], full[len(full)-1]} {
				d, err := timed(ctx, s.owner, syncLine(from, limit), entryMark, limit)
				if err != nil {
					return err
				}
				took[i] = append(took[i], d)
			}
		}
		p.First, p.Middle, p.Last = spreadOf(took[0]), spreadOf(took[1]), spreadOf(took[2])
		p.MiddleRatio, p.LastRatio = p.Middle.Median/p.First.Median, p.Last.Median/p.First.Median
		s.report.Pages = append(s.report.Pages, p)
	}
	return nil
}

const (
	entryMark = `"atKey":"`
	idMark    = `"commitId":`
)

func syncLine(from int64, limit int) []byte {
	return fmt.Appendf(nil, "sync:from:%d:limit:%d\n", from, limit)
}

// page reads one page, and returns the id of its last entry and how many it has.
func (s *scaling) page(ctx context.Context, on *stream, from int64, limit int) (last int64, entries int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	on.conn.SetDeadline(time.Now().Add(longPatience))
	payload, err := on.askLong(syncLine(from, limit))
	if err != nil || string(payload) == "[]" {
		return from, 0, err
	}
	rest := payload[bytes.LastIndex(payload, []byte(idMark))+len(idMark):]
	digits, _, _ := bytes.Cut(rest, []byte(","))
	last, err = strconv.ParseInt(string(digits), 10, 64)
	return last, count(payload, entryMark), err
}
