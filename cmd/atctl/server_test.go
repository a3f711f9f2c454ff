package main

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/server"
	"atserver/server/directory"
	"atserver/store/atkey"
)

const cramSecret = "3b1ff7d2b4f0a7c95f3f3d9f1f8f2d7a5a6b8c9d0e1f2a3b"

// place is a real server for @alice with a directory that knows it, and a home
// folder for the person that uses atctl.
type place struct {
	server, directory string // host:port
	ca                string // file
	home              string
	clock             atomic.Int64 // added to the server's time, in ns
}

// open starts both on loopback; they end with the test.
func open(t *testing.T) *place {
	t.Helper()
	return start(t, t.TempDir(), t.TempDir())
}

func start(t *testing.T, data, home string) *place {
	t.Helper()
	p := &place{}
	p.moveTo(t, home)
	s, err := server.New(server.Options{
		Sign: "@alice", Dir: data, CRAMSecret: cramSecret, Log: zerolog.Nop(),
		Now: func() time.Time { return time.Now().Add(time.Duration(p.clock.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	p.ca = s.CAFile()
	p.server = serve(t, s.Run)
	tlsDir := filepath.Dir(p.ca)
	cert, err := tls.LoadX509KeyPair(filepath.Join(tlsDir, "cert.pem"), filepath.Join(tlsDir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(directory.Options{
		Entries: map[atkey.Sign]string{"@alice": p.server},
		TLS:     &tls.Config{Certificates: []tls.Certificate{cert}}, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.directory = serve(t, d.Run)
	return p
}

// onboarded is open where @alice has her keys already. They are made once and
// copied, for making keys takes its time.
func onboarded(t *testing.T) *place {
	t.Helper()
	model.Do(func() {
		t.Run("model", func(t *testing.T) {
			start(t, filepath.Join(modelDir, "data"), filepath.Join(modelDir, "home")).ok(t, cramSecret, "onboard", "--app=first", "--device=phone")
		})
	})
	data, home := t.TempDir(), t.TempDir()
	for from, to := range map[string]string{"data": data, "home": home} {
		if err := os.CopyFS(to, os.DirFS(filepath.Join(modelDir, from))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(data, "root.secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, data, home)
}

var (
	model    sync.Once
	modelDir string
)

func TestMain(m *testing.M) {
	var err error
	if modelDir, err = os.MkdirTemp("", "atctl-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(modelDir)
	os.Exit(code)
}

func serve(t *testing.T, run func(context.Context, net.Listener) error) (address string) {
	t.Helper()
	return serveOn(t, listen(t), run)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func serveOn(t *testing.T, listener net.Listener, run func(context.Context, net.Listener) error) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return listener.Addr().String()
}

func (p *place) pass(d time.Duration) { p.clock.Add(int64(d)) }

// moveTo makes another folder the home: what runs now runs on another device.
func (p *place) moveTo(t *testing.T, home string) {
	t.Helper()
	p.home = home
	t.Setenv("HOME", home)
}

// ctl runs atctl for @alice, with the address from the directory.
func (p *place) ctl(t *testing.T, input string, args ...string) (out, errs string, code int) {
	t.Helper()
	return ctl(t, input, append([]string{"--atsign=@alice", "--ca=" + p.ca, "--root=" + p.directory}, args...)...)
}

// ok is ctl where nothing may fail.
func (p *place) ok(t *testing.T, input string, args ...string) (out string) {
	t.Helper()
	out, errs, code := p.ctl(t, input, args...)
	if code != 0 {
		t.Fatalf("atctl %q: exit code %d, %s", args, code, errs)
	}
	return out
}

// keyFile is where atctl keeps the keys when it is not told otherwise.
func (p *place) keyFile() string {
	return filepath.Join(p.home, ".atsign", "keys", "@alice_key.atKeys")
}
