package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	good := benchCmd{Conns: []int{1, 50}, Pairs: 5, Seconds: 1, Pipeline: []int{1}, Records: 10}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*benchCmd){
		"no connections": func(c *benchCmd) { c.Conns = nil },
		"zero":           func(c *benchCmd) { c.Conns = []int{1, 0} },
		"too many":       func(c *benchCmd) { c.Conns = []int{maxConns + 1} },
		"no pairs":       func(c *benchCmd) { c.Pairs = 0 },
		"no time":        func(c *benchCmd) { c.Seconds = 0 },
		"too long":       func(c *benchCmd) { c.Seconds = 61 },
		"no pipeline":    func(c *benchCmd) { c.Pipeline = nil },
		"empty pipeline": func(c *benchCmd) { c.Pipeline = []int{16, 0} },
		"long pipeline":  func(c *benchCmd) { c.Pipeline = []int{maxPipeline + 1} },
		"no records":     func(c *benchCmd) { c.Records = 0 },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestAtbench runs the real commands, with a real server and echo.
func TestAtbench(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs everything")
	}
	dir := t.TempDir()
	for _, name := range []string{"atbench", "atserver"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "atserver/cmd/"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	bench := func(args ...string) ([]byte, error) {
		cmd := exec.Command(filepath.Join(dir, "atbench"), append(args, "--dir", work)...)
		cmd.Stderr = &strings.Builder{}
		out, err := cmd.Output()
		if err != nil {
			t.Log(cmd.Stderr)
		}
		return out, err
	}
	out, err := bench("--server", filepath.Join(dir, "atserver"), "--json", "--pairs=1", "--seconds=0.05",
		"--records=50", "--conns=1,3", "--pipeline=1,4")
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(r.Rates) != 12 || !strings.HasPrefix(r.Server, "atserver ") {
		t.Errorf("got %s", out)
	}
	for _, rate := range r.Rates {
		if len(rate.Ratios) != 1 || rate.Ratio.Median <= 0 || rate.Ours.PerSecond <= 0 || rate.Theirs.PerSecond <= 0 || rate.CPURatio.Median <= 0 {
			t.Errorf("got %+v", rate)
		}
	}
	out, err = bench("scale", "--server", filepath.Join(dir, "atserver"), "--json", "--keys=1600", "--namespaces=40",
		"--rounds=1", "--seconds=0.05", "--settle=0")
	if err != nil {
		t.Fatal(err)
	}
	var scaled scaleReport
	if err := json.Unmarshal(out, &scaled); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantScaled(t, scaled)
	var all struct {
		Rates   []rate
		Idle    []idle
		Opening []opening
		First   float64 `json:"firstMs"`
	}
	for _, args := range [][]string{
		{"login", "--pairs=1", "--seconds=0.05"},
		{"memory", "--conns=5", "--records=50", "--atsigns=2", "--settle=0.01", "--loaded=0.01", "--watch=0.05"},
		{"start", "--records=50", "--rounds=1"},
		{"notify", "--pairs=1", "--seconds=0.05", "--monitors=3", "--unreachable=1", "--settle=0.01"},
	} {
		out, err := bench(append(args, "--server", filepath.Join(dir, "atserver"), "--json")...)
		if err != nil {
			t.Fatal(args, err)
		}
		rates := all.Rates
		all.Rates = nil
		if err := json.Unmarshal(out, &all); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		all.Rates = append(rates, all.Rates...)
	}
	if len(all.Rates) != 6 || len(all.Idle) != 5 || len(all.Opening) != 3 || all.First <= 0 {
		t.Errorf("got %+v", all)
	}
	for _, rate := range all.Rates {
		if len(rate.Ratios) != 1 || rate.Ratio.Median <= 0 || rate.Ours.Took.P50 <= 0 {
			t.Errorf("got %+v", rate)
		}
	}
	for _, i := range all.Idle {
		if i.Now.RSS < 1<<20 || i.CPU < 0 || (i.Connections > 0) != (i.Each.RSS > 0) {
			t.Errorf("got %+v", i)
		}
	}
	f, err := flooded(t.Context(), filepath.Join(work, "flood"), filepath.Join(dir, "atserver"), 3, 100_000)
	if err != nil || f.Peak < 1<<20 || f.Login <= 0 {
		t.Errorf("%+v, %v", f, err)
	}
	if err := os.RemoveAll(filepath.Join(work, "flood")); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\n[ $1 = version ] && echo it is broken\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := bench("targets", "--server", broken); err != nil || strings.Count(string(out), "not measured: ") != 9 {
		t.Errorf("of a server that does not start: %v\n%s", err, out)
	}
	if _, err := bench("targets", "--gate", "--server", broken); err == nil {
		t.Error("let a server through that does not start")
	}
	if _, err := bench("--server", filepath.Join(dir, "none")); err == nil {
		t.Error("measured a server that is not there")
	}
	if left, err := os.ReadDir(work); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
