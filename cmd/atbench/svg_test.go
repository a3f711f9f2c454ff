package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteSVG(t *testing.T) {
	file := filepath.Join(t.TempDir(), "load.svg")
	if err := sample().writeSVG(file); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "atserver noop", "echo noop", "redis update, 16 in flight", "requests a second", ">10000<", ">0.1<"} {
		if !strings.Contains(string(drawn), want) {
			t.Errorf("no %s in the drawing", want)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(string(drawn))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v", err)
		}
	}
	if err := sample().writeSVG(t.TempDir()); err == nil {
		t.Error("drew on a folder")
	}
}

// A line a side and work, the server's only once.
func TestCurves(t *testing.T) {
	at := func(perSecond, p99 float64) side { return side{PerSecond: perSecond, Took: quantiles{0, p99}} }
	got := curves([]rate{
		{"noop", "echo", 1, 1, pairs{Ours: at(100, 1), Theirs: at(1000, 0.1)}},
		{"noop", "echo", 9, 1, pairs{Ours: at(1000, 10), Theirs: at(10_000, 1)}},
		{"noop", "redis", 1, 1, pairs{Ours: at(1, 1), Theirs: at(10, 1)}},
	})
	if len(got) != 3 || got[0].name != "atserver noop" || got[1].name != "echo noop" || got[2].name != "redis noop" {
		t.Fatalf("got %+v", got)
	}
	ours := got[0]
	if len(ours.p99) != 2 || math.Abs(ours.perSecond[1]-3) > 1e-9 || math.Abs(ours.p99[1]-1) > 1e-9 {
		t.Errorf("got %+v", ours)
	}
}

func TestDecades(t *testing.T) {
	axis, ticks := decades([]float64{math.Log10(0.2), math.Log10(30)})
	if axis.Min != -1 || axis.Max != 2 || len(ticks) != 4 || ticks[0].Label != "0.1" || ticks[3].Label != "100" {
		t.Errorf("from %v to %v, %v", axis.Min, axis.Max, ticks)
	}
	if axis, ticks := decades([]float64{2, 2}); axis.Min != 2 || axis.Max != 3 || len(ticks) != 2 {
		t.Errorf("from %v to %v, %v", axis.Min, axis.Max, ticks)
	}
}
