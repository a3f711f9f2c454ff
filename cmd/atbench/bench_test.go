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
	good := benchCmd{Conns: []int{1, 50}, Pairs: 5, Seconds: 1, Pipeline: 1, Records: 10, Idle: 0, Settle: 0}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*benchCmd){
		"no connections":  func(c *benchCmd) { c.Conns = nil },
		"zero":            func(c *benchCmd) { c.Conns = []int{1, 0} },
		"too many":        func(c *benchCmd) { c.Conns = []int{maxConns + 1} },
		"no pairs":        func(c *benchCmd) { c.Pairs = 0 },
		"no time":         func(c *benchCmd) { c.Seconds = 0 },
		"too long":        func(c *benchCmd) { c.Seconds = 61 },
		"negative settle": func(c *benchCmd) { c.Settle = -1 },
		"no pipeline":     func(c *benchCmd) { c.Pipeline = 0 },
		"long pipeline":   func(c *benchCmd) { c.Pipeline = maxPipeline + 1 },
		"no records":      func(c *benchCmd) { c.Records = 0 },
		"negative idle":   func(c *benchCmd) { c.Idle = -1 },
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
	out, err := bench("--server", filepath.Join(dir, "atserver"), "--json", "--pairs=1", "--seconds=0.05", "--settle=0",
		"--idle=10", "--records=50", "--conns=1,3", "--pipeline=2")
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(r.Rates) != 6 || r.Memory == nil || r.Memory.Empty.RSS <= 0 || !strings.HasPrefix(r.Server, "atserver ") {
		t.Errorf("got %s", out)
	}
	for _, rate := range r.Rates {
		if len(rate.Ratios) != 1 || rate.Ratio.Median <= 0 || rate.Atserver.PerSecond <= 0 || rate.Echo.PerSecond <= 0 {
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
	if _, err := bench("--server", filepath.Join(dir, "none")); err == nil {
		t.Error("measured a server that is not there")
	}
	if left, err := os.ReadDir(work); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
