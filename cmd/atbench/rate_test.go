package main

import (
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

func TestRateAdd(t *testing.T) {
	var r rate
	r.add(cost{100, time.Second, 10 * time.Millisecond}, cost{200, time.Second, 10 * time.Millisecond})
	r.add(cost{300, 2 * time.Second, 30 * time.Millisecond}, cost{100, time.Second, 5 * time.Millisecond})
	r.add(cost{200, time.Second, 20 * time.Millisecond}, cost{200, time.Second, 5 * time.Millisecond})
	if r.Ratio != (spread{1, 0.5, 1.5}) || len(r.Ratios) != 3 {
		t.Errorf("ratio %v of %v", r.Ratio, r.Ratios)
	}
	if want := (side{150, 100}); r.Atserver != want {
		t.Errorf("atserver %v, want %v", r.Atserver, want)
	}
	if got := r.Echo; math.Abs(got.PerSecond-500.0/3) > 1e-9 || got.CPU != 40 {
		t.Errorf("echo %v", got)
	}
}

func TestCostOfNothing(t *testing.T) {
	if got := (cost{elapsed: time.Second}).side(); got != (side{}) {
		t.Errorf("got %v", got)
	}
}
