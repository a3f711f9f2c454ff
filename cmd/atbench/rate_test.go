package main

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"
)

func TestSpreadOf(t *testing.T) {
	tests := []struct {
		values []float64
		want   spread
	}{
		{[]float64{2}, spread{2, 2, 2}},
		{[]float64{3, 1}, spread{2, 1, 3}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 3, 2, 1}, spread{2.5, 1, 4}},
		{[]float64{5, 100, 4, 6, 0.5}, spread{5, 0.5, 100}},
	}
	for _, test := range tests {
		if got := spreadOf(test.values); got != test.want {
			t.Errorf("%v: got %v, want %v", test.values, got, test.want)
		}
	}
}

func TestPairs(t *testing.T) {
	var p pairs
	p.add(cost{100, time.Second, 10 * time.Millisecond, quantiles{1, 9}}, cost{200, time.Second, 10 * time.Millisecond, quantiles{2, 3}})
	p.add(cost{300, 2 * time.Second, 30 * time.Millisecond, quantiles{3, 7}}, cost{100, time.Second, 5 * time.Millisecond, quantiles{2, 3}})
	p.add(cost{200, time.Second, 20 * time.Millisecond, quantiles{2, 8}}, cost{200, time.Second, 5 * time.Millisecond, quantiles{2, 3}})
	if p.Ratio != (spread{1, 0.5, 1.5}) || len(p.Ratios) != 3 {
		t.Errorf("ratio %v of %v", p.Ratio, p.Ratios)
	}
	if p.CPURatio != (spread{2, 2, 4}) {
		t.Errorf("CPU ratio %v", p.CPURatio)
	}
	if want := (side{150, 100, quantiles{2, 8}}); p.Ours != want {
		t.Errorf("ours %v, want %v", p.Ours, want)
	}
	if got := p.Theirs; math.Abs(got.PerSecond-500.0/3) > 1e-9 || got.CPU != 40 || got.Took.P99 != 3 {
		t.Errorf("theirs %v", got)
	}
}

func TestSideOfNothing(t *testing.T) {
	if got := sideOf([]cost{{elapsed: time.Second}}); got != (side{}) {
		t.Errorf("got %v", got)
	}
}

func TestByTurns(t *testing.T) {
	var turns string
	side := func(name string, requests int64) measurement {
		return func(_ context.Context, d time.Duration) (cost, error) {
			turns += name
			if d < time.Second {
				requests = 1000 // the warm-up must not count
				defer func() { requests = 10 }()
			}
			return cost{requests: requests, elapsed: d}, nil
		}
	}
	p, err := byTurns(t.Context(), 3, time.Second, side("A", 10), side("B", 10))
	if turns != "ABABABAB" || err != nil || p.Ratio != (spread{1, 1, 1}) || p.Ours.PerSecond != 10 {
		t.Errorf("turns %s, %+v, %v", turns, p, err)
	}
	broken := errors.New("broken")
	fails := func(context.Context, time.Duration) (cost, error) { return cost{}, broken }
	if _, err := byTurns(t.Context(), 3, time.Second, side("A", 1), fails); !errors.Is(err, broken) || err == broken {
		t.Errorf("got %v", err)
	}
	if _, err := byTurns(t.Context(), 3, time.Second, fails, side("B", 1)); err != broken {
		t.Errorf("got %v", err)
	}
}
