package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/server"
)

// TestWire plays all transcripts, each over TLS against a server of its own, and then searches the servers' debug logs
// for anything that was said. With ATSERVER_WIRE_ADDR (host:port), ATSERVER_WIRE_CA (PEM file of its authority) and
// ATSERVER_WIRE_SECRET (its CRAM secret, not used yet) those that can be are played against that server, which must be
// @alice's.
func TestWire(t *testing.T) {
	foreign := foreignServer(t)
	var log transcript
	said := &vocabulary{words: map[string]bool{}}
	said.add(testSecret)
	t.Run("play", func(t *testing.T) {
		for _, file := range transcripts(t) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".wire"), func(t *testing.T) {
				s, err := readScript(file)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				to := foreign
				switch {
				case to == nil:
					t.Parallel()
					to = startServer(t, &log)
					to.onTold = said.add
				case s.fresh():
					t.Skip("needs a server of its own")
				}
				play(t, filepath.Base(file), s, to)
			})
		}
	})
	if foreign == nil {
		said.mustBeMissing(t, log.String())
	}
}

func transcripts(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{"wire", "attack"} {
		found, err := filepath.Glob(filepath.Join("..", "testdata", folder, "*.wire"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no transcripts in %s: %v", folder, err)
		}
		files = append(files, found...)
	}
	return files
}

// clock is the time of one server. It stands still unless it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// testSecret is the CRAM secret of all servers that tests start.
const testSecret = "5ec7e7d00dfeedc0ffee0123456789abcdeffedcba98765432100123456789ab"

// startServer runs a server in memory until the test ends.
func startServer(t *testing.T, log *transcript) *target {
	t.Helper()
	var now clock
	now.ms.Store(time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC).UnixMilli())
	srv, err := server.New(server.Options{
		Sign: "@alice", CRAMSecret: testSecret, Now: now.Now, SweepEvery: 5 * time.Minute,
		Log: zerolog.New(log).Level(zerolog.DebugLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	if pem, err := os.ReadFile(srv.CAFile()); err != nil || !authorities.AppendCertsFromPEM(pem) {
		t.Fatalf("reading %s: %v", srv.CAFile(), err)
	}
	srv.Step(now.Now())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- srv.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &target{
		addr: listener.Addr().String(), secret: testSecret,
		tls:       &tls.Config{RootCAs: authorities, ServerName: "localhost", Time: now.Now},
		pass:      func(d time.Duration) { now.ms.Add(d.Milliseconds()) },
		step:      func() { srv.Step(now.Now()) },
		onboarded: map[string]bool{}, values: map[string]string{},
	}
}

// foreignServer is the server that the environment names, nil if it names none.
func foreignServer(t *testing.T) *target {
	t.Helper()
	addr := os.Getenv("ATSERVER_WIRE_ADDR")
	if addr == "" {
		return nil
	}
	config := &tls.Config{}
	if file := os.Getenv("ATSERVER_WIRE_CA"); file != "" {
		pem, err := os.ReadFile(file)
		config.RootCAs = x509.NewCertPool()
		if err != nil || !config.RootCAs.AppendCertsFromPEM(pem) {
			t.Fatalf("ATSERVER_WIRE_CA: %v", err)
		}
	}
	return &target{
		addr: addr, tls: config, secret: os.Getenv("ATSERVER_WIRE_SECRET"),
		onboarded: map[string]bool{}, values: map[string]string{},
	}
}
