package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atserver/verbs/wire"
)

func TestWorks(t *testing.T) {
	for name, want := range map[string]string{
		"noop":    "noop:0\n",
		"llookup": "llookup:r42.atbench@bench\n",
		"update":  "update:r42.atbench@bench " + value + "\n",
	} {
		if got := string(works[name](nil, 42)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(value) != 100 {
		t.Errorf("values of %d bytes", len(value))
	}
}

// local is an echo in this process.
func local(t *testing.T) *target { return localServer(t, answer) }

// localServer answers in this process, as the echo does or otherwise.
func localServer(t *testing.T, answer func(net.Conn)) *target {
	t.Helper()
	dir := t.TempDir()
	config, err := echoConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go accept(listener, answer)
	trust, err := trusting(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	welcome := func(s *stream) error { s.prompt = wire.Prompt(benchSign); return nil }
	return &target{&process{pid: os.Getpid(), address: listener.Addr().String()}, trust, welcome}
}

func connect(t *testing.T, to *target, n int) streams {
	t.Helper()
	on, err := to.dialAll(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.close)
	return on
}

func TestDriveEcho(t *testing.T) {
	echo := local(t)
	on := connect(t, echo, 3)
	for _, pipeline := range []int{1, 16} {
		l := load{works["update"], 10, pipeline}
		c, err := echo.drive(t.Context(), on, l, 20*time.Millisecond)
		if err != nil || c.requests == 0 || c.requests%int64(pipeline) != 0 || c.elapsed < 20*time.Millisecond ||
			c.took.P50 <= 0 || c.took.P99 < c.took.P50 {
			t.Errorf("%d in flight: %+v, %v", pipeline, c, err)
		}
	}
}

func TestFill(t *testing.T) {
	for _, records := range []int{1, 19, 1000} {
		if err := fill(t.Context(), local(t), works["update"], 0, records); err != nil {
			t.Errorf("%d records: %v", records, err)
		}
	}
}

func TestDriveEnds(t *testing.T) {
	echo := local(t)
	on := connect(t, echo, 2)
	l := load{works["noop"], 1, 1}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := echo.drive(ctx, on, l, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with its context: %v", err)
	}
	on[0].conn.Close()
	if _, err := echo.drive(t.Context(), on, l, 20*time.Millisecond); err == nil {
		t.Error("not with a closed connection")
	}
	echo.pid = -1
	if _, err := echo.drive(t.Context(), on[1:], l, time.Millisecond); err == nil || !strings.Contains(err.Error(), "CPU time") {
		t.Errorf("not with a process that is gone: %v", err)
	}
}

func TestDialAllFails(t *testing.T) {
	echo := local(t)
	refused := errors.New("refused")
	echo.welcome = func(*stream) error { return refused }
	if on, err := echo.dialAll(t.Context(), 10); on != nil || !errors.Is(err, refused) {
		t.Errorf("got %v, %v", on, err)
	}
	echo.trust = &tls.Config{}
	var unverified *tls.CertificateVerificationError
	if _, err := echo.dialAll(t.Context(), 1); !errors.As(err, &unverified) {
		t.Errorf("trusted anybody: %v", err)
	}
}

func TestTrusting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := trusting(file); err == nil {
		t.Error("a file that is not there")
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trusting(file); err == nil {
		t.Error("a file without certificates")
	}
}
