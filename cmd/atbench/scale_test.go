package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestScaleValidate(t *testing.T) {
	good := scaleCmd{Keys: 400, Namespaces: 40, Rounds: 1, Seconds: 0.1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*scaleCmd){
		"no keys":            func(c *scaleCmd) { c.Keys = 0 },
		"too many keys":      func(c *scaleCmd) { c.Keys = 2_000_000 },
		"few namespaces":     func(c *scaleCmd) { c.Namespaces = 20 },
		"no namespaces":      func(c *scaleCmd) { c.Namespaces = 0 },
		"keys left over":     func(c *scaleCmd) { c.Keys = 401 },
		"halves of them not": func(c *scaleCmd) { c.Keys = 440 },
		"no rounds":          func(c *scaleCmd) { c.Rounds = 0 },
		"no time":            func(c *scaleCmd) { c.Seconds = 0 },
		"too long":           func(c *scaleCmd) { c.Seconds = 61 },
		"negative settle":    func(c *scaleCmd) { c.Settle = -1 },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Each half of the records has half of the namespaces, whole.
func TestKeySpace(t *testing.T) {
	c := scaleCmd{Keys: 800, Namespaces: 40}
	var halves [2]map[string]int
	for record := range c.Keys {
		half := record * 2 / c.Keys
		if halves[half] == nil {
			halves[half] = map[string]int{}
		}
		line := string(c.update(nil, record))
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, fmt.Sprintf("update:k%d.", record)), benchSign)
		if rest != " "+value+"\n" {
			t.Fatalf("line %q", line)
		}
		halves[half][name]++
	}
	first, second := halves[0], halves[1]
	if first[broadSpace] != wide*c.each() || first[narrowSpace] != c.each() {
		t.Errorf("the first half has %v", first)
	}
	for name, n := range second {
		if first[name] > 0 || n != c.each() {
			t.Errorf("%s: %d in the first half, %d in the second", name, first[name], n)
		}
	}
	if len(first)+wide-1 != len(second) || len(second) != c.Namespaces/2 {
		t.Errorf("%d and %d namespaces", len(first), len(second))
	}
}

func TestQuantilesOf(t *testing.T) {
	many := make([]float64, 101)
	for i := range many {
		many[i] = float64(100 - i)
	}
	if got, want := quantilesOf(many), (quantiles{50, 99}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := quantilesOf([]float64{7}), (quantiles{7, 7}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAgain(t *testing.T) {
	first := make(chan struct{})
	begin := sync.OnceFunc(func() { close(first) })
	stop := again(t.Context(), func(context.Context) error { begin(); return nil })
	<-first
	if times, err := stop(); times < 1 || err != nil {
		t.Errorf("%d times, %v", times, err)
	}
	broken := errors.New("broken")
	stop = again(t.Context(), func(context.Context) error { return broken })
	if times, err := stop(); times != 0 || err != broken {
		t.Errorf("%d times, %v", times, err)
	}
}

func TestTimed(t *testing.T) {
	s := talk(t, `data:["k1","k2","k3"]`+"\n@a@")
	if took, err := timed(t.Context(), s, []byte("scan\n"), `"k`, 3); took <= 0 || err != nil {
		t.Errorf("took %v, %v", took, err)
	}
	if _, err := timed(t.Context(), talk(t, `data:["k1"]`+"\n@a@"), []byte("scan\n"), `"k`, 3); err == nil {
		t.Error("took one record for three")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := timed(ended, nil, nil, "", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPage(t *testing.T) {
	const two = `data:[{"atKey":"a","value":"\"commitId\":7,","commitId":8,"operation":"*"},{"atKey":"b","commitId":12,"operation":"-"}]` + "\n@a@"
	var s scaling
	if last, entries, err := s.page(t.Context(), talk(t, two), 3, 10); last != 12 || entries != 2 || err != nil {
		t.Errorf("got %d, %d, %v", last, entries, err)
	}
	if last, entries, err := s.page(t.Context(), talk(t, "data:[]\n@a@"), 3, 10); last != 3 || entries != 0 || err != nil {
		t.Errorf("got %d, %d, %v", last, entries, err)
	}
	if _, _, err := s.page(t.Context(), talk(t, "error:AT0003-no\n@a@"), 3, 10); err == nil {
		t.Error("took an error for a page")
	}
}

func TestScaleStopsWithItsContext(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s := scaling{scaleCmd: &scaleCmd{Keys: 800, Namespaces: 40, Seconds: 60}}
	on, far := talk(t), time.Now()
	if _, err := s.updates(ended, on); !errors.Is(err, context.Canceled) || time.Since(far) > patience {
		t.Errorf("got %v", err)
	}
}

// The steps of a run, and what each leaves in the report.
func wantScaled(t *testing.T, r scaleReport) {
	t.Helper()
	if len(r.Growth) != 7 || len(r.Pages) != 2 || len(r.Beside) != 2 || len(r.Large) != 2 || len(r.Opening) != 2 || len(r.Memory) != 10 {
		t.Fatalf("got %+v", r)
	}
	for _, g := range r.Growth {
		if g.Records <= 0 || g.Half.Median <= 0 || g.Full.Median <= 0 || g.Ratio <= 0 {
			t.Errorf("growth %+v", g)
		}
	}
	for _, p := range r.Pages {
		if p.Entries < r.Keys || p.First.Median <= 0 || p.Middle.Median <= 0 || p.LastRatio <= 0 || p.MiddleRatio <= 0 {
			t.Errorf("pages %+v", p)
		}
	}
	for _, b := range r.Beside {
		if b.Times < 1 || b.Alone.P50 <= 0 || b.Alone.P99 < b.Alone.P50 || b.Beside.P50 <= 0 || b.Ratio.P50 <= 0 {
			t.Errorf("beside %+v", b)
		}
	}
	for _, l := range r.Large {
		if l.Write.Peak < l.Before.RSS || l.Read.Peak <= 0 || l.Write.Seconds <= 0 || l.Read.Seconds <= 0 {
			t.Errorf("large %+v", l)
		}
	}
	if !slices.ContainsFunc(r.Opening, func(o opening) bool { return o.Took.Low > 0 && strings.HasPrefix(o.After, "kill -9") }) {
		t.Errorf("opening %+v", r.Opening)
	}
	for _, m := range r.Memory {
		if m.After == "" || m.Now.RSS < 1<<20 || m.Now.Anonymous <= 0 {
			t.Errorf("memory %+v", m)
		}
	}
}
