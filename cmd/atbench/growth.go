package main

import "context"

// growth is what a request costs with half the records, and with all of them.
type growth struct {
	Work    string  `json:"work"`
	Records int     `json:"records"` // in the reply, with all
	Half    spread  `json:"halfMs"`
	Full    spread  `json:"fullMs"`
	Ratio   float64 `json:"ratio"` // of the medians
}

// grow measures what is to cost by the size of what is asked for, not by that of
// the store. With half the records it comes first.
func (s *scaling) grow(ctx context.Context, half bool) error {
	all, narrow, broad := s.Keys, s.each(), wide*s.each()
	if half {
		all /= 2
	}
	for i, w := range []struct {
		work    string
		on      *stream
		line    string
		holds   string // for each record
		records int
	}{
		{"scan, everything, by the owner", s.owner, "scan\n", `"k`, all},
		{"scan, one namespace, by its app", s.narrow, "scan\n", `"k`, narrow},
		{"scan, one ten times as large, by its app", s.broad, "scan\n", `"k`, broad},
		{"sync, one namespace, by its app", s.narrow, "sync:from:-1:limit:1000\n", entryMark, min(narrow, 1000)},
		{"sync, one ten times as large, by its app", s.broad, "sync:from:-1:limit:1000\n", entryMark, min(broad, 1000)},
		{"stats:3, by the owner", s.owner, "stats:3\n", "lastCommitID", 1},
		{"stats:3, by the app of one namespace", s.narrow, "stats:3\n", "lastCommitID", 1},
	} {
		took, err := s.repeat(ctx, w.on, []byte(w.line), w.holds, w.records)
		if err != nil {
			return err
		}
		if half {
			s.report.Growth = append(s.report.Growth, growth{Work: w.work, Half: took})
			continue
		}
		g := &s.report.Growth[i]
		g.Records, g.Full, g.Ratio = w.records, took, took.Median/g.Half.Median
	}
	return nil
}
