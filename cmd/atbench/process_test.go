package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestStart(t *testing.T) {
	p, err := start(t.Context(), t.TempDir(), lastWord, "/bin/sh", "-c", "echo first >&2; echo last >&2; echo it listens at 127.0.0.1:7; echo more; cat")
	if err != nil {
		t.Fatal(err)
	}
	if p.address != "127.0.0.1:7" {
		t.Errorf("address %q", p.address)
	}
	p.stop()
	if err := syscall.Kill(p.pid, 0); err != syscall.ESRCH {
		t.Errorf("still there: %v", err)
	}
	if err := p.explain(os.ErrClosed); !strings.HasSuffix(err.Error(), "ends with: last") {
		t.Errorf("explained as %v", err)
	}
	if err := p.explain(nil); err != nil {
		t.Errorf("explained nothing as %v", err)
	}
	if err := p.explain(context.Canceled); err != context.Canceled {
		t.Errorf("explained as %v", err)
	}
}

func TestKill(t *testing.T) {
	p, err := start(t.Context(), t.TempDir(), lastWord, "/bin/sh", "-c", "trap '' TERM; echo 127.0.0.1:7; read line")
	if err != nil {
		t.Fatal(err)
	}
	p.kill()
	if err := syscall.Kill(p.pid, 0); err != syscall.ESRCH {
		t.Errorf("still there: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	for script, want := range map[string]string{
		"exit 1":                   "sh did not start",
		"echo no disk >&2; exit 1": "no disk",
		"echo":                     "did not start",
		"printf 127.0.0.1:7":       "did not start",
	} {
		if _, err := start(t.Context(), t.TempDir(), lastWord, "/bin/sh", "-c", script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", script, err, want)
		}
	}
	if _, err := start(t.Context(), t.TempDir(), lastWord, "/nowhere/atserver"); err == nil {
		t.Error("started what is not there")
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("ATSERVER_CERT", "x")
	t.Setenv("testingMode", "true")
	t.Setenv("GOGC", "50")
	kept := environment()
	if !slices.Contains(kept, "GOGC=50") || slices.ContainsFunc(kept, func(v string) bool {
		return strings.HasPrefix(v, "ATSERVER_") || strings.HasPrefix(v, "testingMode")
	}) {
		t.Errorf("kept %q", kept)
	}
}
