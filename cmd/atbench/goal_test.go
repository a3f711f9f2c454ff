package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestGoalState(t *testing.T) {
	tests := []struct {
		measured float64
		atLeast  bool
		must     float64
		aim      float64
		want     string
	}{
		{0.84, true, 0.85, 0.95, "NOT MET"},
		{0.85, true, 0.85, 0.95, "met"},
		{0.95, true, 0.85, 0.95, "aim reached"},
		{20.1, false, 20, 14, "NOT MET"},
		{20, false, 20, 14, "met"},
		{14, false, 20, 14, "aim reached"},
		{99, false, 0, 14, "short of aim"},
		{9, false, 0, 14, "aim reached"},
		{64, false, 64, 0, "met"},
		{65, false, 64, 0, "NOT MET"},
		{math.NaN(), true, 0.85, 0.95, "NOT MET"},
		{math.NaN(), false, 20, 14, "NOT MET"},
	}
	for _, test := range tests {
		g := goal{Measured: once(test.measured), AtLeast: test.atLeast, Must: test.must, Aim: test.aim}
		if got := g.state(); got != test.want || g.missed() != (got == "NOT MET") {
			t.Errorf("%+v: %s, missed %v", test, got, g.missed())
		}
	}
}

func sampleGoals() *goals {
	g := &goals{host: host{Server: "v1", Machine: "m", FileSystem: "ext4"}, Pairs: 9}
	g.atLeast("noop / echo, 10 connections", spread{0.9, 0.85, 1}, 0.85, 0.95)
	g.atMost("login / bare handshake, time", spread{0.5, 0.4, 0.8}.inverse(), "", 1.5, 1.3)
	g.atMost("each of 1,000 monitors", once(23.45), "KiB", 26, 22)
	g.atMost("peak RSS", once(12), "MiB", 64, 0)
	g.atMost("wake-ups", once(7), "", 0, 10)
	return g
}

func TestGoalsTable(t *testing.T) {
	const want = `v1
m, data on ext4
ratios are medians of 9 pairs or more

                                                           measured         range       must        aim
noop / echo, 10 connections                                    0.90          0.85–1.00 ≥ 0.85     ≥ 0.95  met
login / bare handshake, time                                   2.00          1.25–2.50  ≤ 1.5      ≤ 1.3  NOT MET
each of 1,000 monitors                                         23.4 KiB                  ≤ 26       ≤ 22  met
peak RSS                                                       12.0 MiB                  ≤ 64          –  met
wake-ups                                                       7.00                         –       ≤ 10  aim reached
not measured: beside Redis: redis-server is not installed
`
	g := sampleGoals()
	g.Failed = []string{"beside Redis: redis-server is not installed"}
	var got bytes.Buffer
	if err := g.writeTable(&got); err != nil || got.String() != want {
		t.Errorf("%v\n%s", err, &got)
	}
}

func TestGoalsMissed(t *testing.T) {
	g := sampleGoals()
	if n := g.missed(); n != 1 {
		t.Errorf("%d missed", n)
	}
	g.Failed = []string{"something"}
	if n := g.missed(); n != 2 {
		t.Errorf("%d missed", n)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, g); err != nil || !strings.Contains(b.String(), `"notMeasured"`) || !json.Valid(b.Bytes()) {
		t.Errorf("%v\n%s", err, &b)
	}
}

// Every comparison has a name, and a part that fails does not stop the others.
func TestTargets(t *testing.T) {
	for _, test := range []struct {
		r    rate
		want string
	}{
		{rate{"noop", "echo", 10, 1, pairs{}}, "noop / echo, 10 connections"},
		{rate{"update", "redis", 1, 1, pairs{}}, "update / Redis SET, 1 connection"},
		{rate{"llookup", "redis", 50, 16, pairs{}}, "llookup / Redis GET, 50 connections, 16 in flight"},
	} {
		if got := test.r.name(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	var c targetsCmd
	g := new(goals)
	if err := c.all(t.Context(), t.TempDir(), "/nowhere/atserver", g); err != nil || len(g.Failed) != 10 || len(g.Goals) != 0 {
		t.Errorf("%v, %q, %v", err, g.Failed, g.Goals)
	}
}
