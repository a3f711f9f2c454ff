package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// rate compares the server with a rival at one load.
type rate struct {
	Work        string `json:"work"`
	Against     string `json:"against"`
	Connections int    `json:"connections"`
	Pipeline    int    `json:"pipeline"`
	pairs
}

// pairs is what two sides did by turns. Ratios are ours by theirs, each within one
// pair.
type pairs struct {
	Ratios   []float64 `json:"ratios"`   // of requests a second, one for each pair
	Ratio    spread    `json:"ratio"`    // of these
	CPURatio spread    `json:"cpuRatio"` // of CPU time a request
	Ours     side      `json:"atserver"`
	Theirs   side      `json:"rival"`

	cpu          []float64
	ours, theirs []cost
}

// spread is a median and the lowest and highest that was seen.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// side is what one of the two did, for orientation.
type side struct {
	PerSecond float64   `json:"requestsPerSecond"`
	CPU       float64   `json:"cpuMicrosecondsPerRequest"`
	Took      quantiles `json:"ms"` // from sending to having the replies: medians of the pairs
}

// measurement is one side's turn, of about that length.
type measurement func(ctx context.Context, length time.Duration) (cost, error)

// byTurns measures ours and theirs in turn, so many times each, after a warm-up
// that does not count.
func byTurns(ctx context.Context, times int, length time.Duration, ours, theirs measurement) (p pairs, err error) {
	for i := -1; i < times; i++ {
		d := length
		if i < 0 {
			d /= 4
		}
		a, err := ours(ctx, d)
		if err != nil {
			return p, err
		}
		b, err := theirs(ctx, d)
		if err != nil {
			return p, fmt.Errorf("rival: %w", err)
		}
		if i >= 0 {
			p.add(a, b)
		}
	}
	return p, nil
}

// add takes a pair in.
func (p *pairs) add(ours, theirs cost) {
	p.ours, p.theirs = append(p.ours, ours), append(p.theirs, theirs)
	p.Ours, p.Theirs = sideOf(p.ours), sideOf(p.theirs)
	a, b := sideOf([]cost{ours}), sideOf([]cost{theirs})
	p.Ratios = append(p.Ratios, a.PerSecond/b.PerSecond)
	p.Ratio = spreadOf(p.Ratios)
	if b.CPU > 0 {
		p.cpu = append(p.cpu, a.CPU/b.CPU)
		p.CPURatio = spreadOf(p.cpu)
	}
}

// sideOf sums up turns.
func sideOf(turns []cost) (s side) {
	var requests int64
	var elapsed, cpu time.Duration
	var p50, p99 []float64
	for _, c := range turns {
		requests, elapsed, cpu = requests+c.requests, elapsed+c.elapsed, cpu+c.cpu
		p50, p99 = append(p50, c.took.P50), append(p99, c.took.P99)
	}
	return side{
		PerSecond: float64(requests) / elapsed.Seconds(),
		CPU:       float64(cpu) / float64(time.Microsecond) / float64(max(requests, 1)),
		Took:      quantiles{spreadOf(p50).Median, spreadOf(p99).Median},
	}
}

// spreadOf sums up at least one value.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Low: sorted[0], High: sorted[n-1]}
}
