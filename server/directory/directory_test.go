package directory

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// authority makes a certificate for localhost under a CA of its own: what a server needs, and what a client.
func authority(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	var ca, leaf *ecdsa.PrivateKey
	for _, key := range []**ecdsa.PrivateKey{&ca, &leaf} {
		var err error
		if *key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	issuer := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: start, NotAfter: start.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	host := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: start, NotAfter: start.Add(time.Hour), DNSNames: []string{"localhost"}}
	sign := func(c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), ca)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	root, err := x509.ParseCertificate(sign(issuer, ca))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	clock := func() time.Time { return start }
	chain := tls.Certificate{Certificate: [][]byte{sign(host, leaf)}, PrivateKey: leaf}
	return &tls.Config{Certificates: []tls.Certificate{chain}, Time: clock}, &tls.Config{RootCAs: roots, Time: clock}
}

// run starts a directory that lasts as long as the test, and returns its address and what its clients need.
func run(t *testing.T, o Options) (addr string, client *tls.Config) {
	t.Helper()
	o.TLS, client = authority(t)
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return runs(t, d), client
}

// runs lets a directory run as long as the test, and returns its address.
func runs(t *testing.T, d *Directory) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

// client is a raw TLS connection whose greeting has been read.
type client struct {
	*tls.Conn
	t *testing.T
}

func connect(t *testing.T, addr string, cfg *tls.Config) client {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := client{conn, t}
	c.want("@")
	return c
}

func (c client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// want reads one TLS record and compares it.
func (c client) want(record string) {
	c.t.Helper()
	buf := make([]byte, 4096)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != record {
		c.t.Fatalf("got %q, %v; want %q", buf[:n], err, record)
	}
}

// wantEnd reads to the end of the stream, which must hold nothing.
func (c client) wantEnd() {
	c.t.Helper()
	if rest, _ := io.ReadAll(c); len(rest) != 0 {
		c.t.Fatalf("got %q before the end", rest)
	}
}

var people = map[atkey.Sign]string{"@alice": "localhost:6401", "@🦄": "10.0.0.1:6402"}

func TestAnswers(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	tests := []struct {
		name, sent string
		want       []string
	}{
		{"bare", "alice\n", []string{"localhost:6401\r\n@"}},
		{"with @", "@alice\n", []string{"localhost:6401\r\n@"}},
		{"CRLF and blanks", " alice \r\n", []string{"localhost:6401\r\n@"}},
		{"folded", "@AL.ice\n", []string{"localhost:6401\r\n@"}},
		{"emoji", "🦄\n", []string{"10.0.0.1:6402\r\n@"}},
		{"unknown", "nobody\n", []string{"null\r\n@"}},
		{"null", "null\n", []string{"null\r\n@"}},
		{"no atSign", "a@b\n", []string{"null\r\n@"}},
		{"no text", "al\xffice\n", []string{"null\r\n@"}},
		{"blank", "\r\n", []string{"null\r\n@"}},
		{"two LF", "alice\n\n", []string{"localhost:6401\r\n@"}},
		{"several", "alice\nbob\n@alice\n", []string{"localhost:6401\r\n@", "null\r\n@", "localhost:6401\r\n@"}},
		{"longest", strings.Repeat("x", maxRequest) + "\n", []string{"null\r\n@"}},
		{"longest, then more", strings.Repeat("x", maxRequest) + "\nalice\n", []string{"null\r\n@", "localhost:6401\r\n@"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := connect(t, addr, cfg)
			c.send(test.sent)
			for _, want := range test.want {
				c.want(want)
			}
		})
	}
}

func TestRequestInPieces(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	c := connect(t, addr, cfg)
	for _, piece := range []string{"al", "ic", "e", "\n"} {
		c.send(piece)
	}
	c.want("localhost:6401\r\n@")
}

func TestClosing(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	for name, sent := range map[string]string{
		"exit":              "@exit\n",
		"exit CRLF":         "@exit\r\n",
		"exit without LF":   "@exit",
		"exit in capitals":  "@EXIT",
		"too long":          strings.Repeat("x", maxRequest+1) + "\n",
		"too long, no LF":   strings.Repeat("x", maxRequest+1),
		"nothing after":     "@exit\nalice\n",
		"blanks are bytes":  strings.Repeat(" ", 3*maxRequest),
		"blanks around":     strings.Repeat(" ", maxRequest-4) + "alice\n",
		"too long at rest":  "@exi" + strings.Repeat("t", maxRequest),
		"very long at once": strings.Repeat("x", 16000),
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, addr, cfg)
			io.WriteString(c, sent) // may fail: the end can come while we write
			c.wantEnd()
		})
	}
}

func TestHalfClose(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	c := connect(t, addr, cfg)
	c.send("alice\n")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(c); string(all) != "localhost:6401\r\n@" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
}

func TestLookupDirectory(t *testing.T) {
	addr, cfg := run(t, Options{EntriesFile: newFile(t, "@carol localhost:6403\n").path, Entries: people})
	for sign, want := range map[string]string{"@alice": "localhost:6401", "@carol": "localhost:6403"} {
		if got, err := wire.LookupDirectory(t.Context(), addr, cfg, sign); got != want || err != nil {
			t.Errorf("%s: got %q, %v", sign, got, err)
		}
	}
	if _, err := wire.LookupDirectory(t.Context(), addr, cfg, "@nobody"); !errors.Is(err, wire.ErrNoAddress) {
		t.Errorf("got %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := wire.LookupDirectory(t.Context(), addr, cfg, "@alice"); got != "localhost:6401" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	all.Wait()
}

func TestSilenceEndsAConnection(t *testing.T) {
	addr, cfg := run(t, Options{Idle: 200 * time.Millisecond})
	t.Run("before the handshake", func(t *testing.T) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if rest, _ := io.ReadAll(conn); len(rest) != 0 {
			t.Errorf("got %q", rest)
		}
	})
	t.Run("after the greeting", func(t *testing.T) { connect(t, addr, cfg).wantEnd() })
	t.Run("in a request that never ends", func(t *testing.T) {
		c := connect(t, addr, cfg)
		c.send("ali")
		c.wantEnd()
	})
}

func TestFaultsStayWithTheirConnection(t *testing.T) {
	log := make(lines, 16)
	var broken atomic.Bool
	addr, cfg := run(t, Options{
		EntriesFile: newFile(t, "@alice localhost:6401\n").path,
		Log:         zerolog.New(log),
		Now: func() time.Time {
			if broken.Load() {
				panic("no time")
			}
			return start
		},
	})
	bystander := connect(t, addr, cfg)
	victim := connect(t, addr, cfg)
	broken.Store(true)
	victim.send("alice\n")
	victim.wantEnd()
	broken.Store(false)
	bystander.send("alice\n")
	bystander.want("localhost:6401\r\n@")
	if got := <-log; !strings.Contains(got, "no time") || !strings.Contains(got, "entries.go") {
		t.Errorf("log says %q", got)
	}
}

func TestNotTLS(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	if answer, _ := io.ReadAll(bufio.NewReader(conn)); bytes.Contains(answer, []byte("@")) {
		t.Errorf("got %q", answer)
	}
	connect(t, addr, cfg)
}

func TestPlaces(t *testing.T) {
	addr, cfg := run(t, Options{Entries: people})
	_, port, _ := net.SplitHostPort(addr)
	from := func(ip string) net.Conn {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		conn, err := dialer.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Skip(err) // 127.0.0.2 is no loopback address everywhere
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	refused := func(conn net.Conn) {
		t.Helper()
		if rest, _ := io.ReadAll(conn); len(rest) != 0 {
			t.Errorf("got %q", rest)
		}
	}
	first := make([]net.Conn, maxPerAddress)
	for i := range first {
		first[i] = from("127.0.0.2")
	}
	refused(from("127.0.0.2"))
	connect(t, addr, cfg).Close() // one address has had enough, not so another
	for range maxConns - maxPerAddress {
		from("127.0.0.3")
	}
	refused(from("127.0.0.4"))
	first[0].Close()
	for late := time.Now().Add(10 * time.Second); ; { // the place is free once the end has come through
		conn, err := tls.Dial("tcp", addr, cfg)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
}

func TestSetAndRemove(t *testing.T) {
	server, cfg := authority(t)
	d, err := New(Options{TLS: server, EntriesFile: newFile(t, "@carol localhost:6403\n").path})
	if err != nil {
		t.Fatal(err)
	}
	addr := runs(t, d)
	tests := []struct {
		change func() error
		want   map[string]string
		err    string
	}{
		{func() error { return nil }, map[string]string{"alice": "null", "carol": "localhost:6403"}, ""},
		{func() error { return d.Set("@alice", "localhost:6401") }, map[string]string{"alice": "localhost:6401"}, ""},
		{func() error { return d.Set("@alice", "localhost:6402") }, map[string]string{"alice": "localhost:6402"}, ""},
		{func() error { return d.Set("@carol", "localhost:1") }, map[string]string{"carol": "localhost:6403"}, ""},
		{func() error { return d.Set("@Alice", "localhost:1") }, map[string]string{"alice": "localhost:6402"}, "folded"},
		{func() error { return d.Set("@alice", "[::1]:1") }, map[string]string{"alice": "localhost:6402"}, "host:port"},
		{func() error { return d.Set("alice@", "localhost:1") }, map[string]string{"alice": "localhost:6402"}, "invalid @sign"},
		{func() error { d.Remove("@alice"); d.Remove("@nobody"); return nil }, map[string]string{"alice": "null"}, ""},
		{func() error { d.Remove("@carol"); return nil }, map[string]string{"carol": "localhost:6403"}, ""},
	}
	for i, test := range tests {
		if err := test.change(); (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%d: got %v, want %q", i, err, test.err)
		}
		c := connect(t, addr, cfg)
		for name, want := range test.want {
			c.send(name + "\n")
			c.want(want + "\r\n@")
		}
		c.Close()
	}
}

func TestRunEnds(t *testing.T) {
	server, cfg := authority(t)
	d, err := New(Options{TLS: server})
	if err != nil {
		t.Fatal(err)
	}
	start := func(ctx context.Context) (net.Listener, chan error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx, l) }()
		return l, ended
	}
	t.Run("with its context, and its connections", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, ended := start(ctx)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		c := connect(t, "localhost:"+port, cfg)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("got %v", err)
		}
		c.wantEnd()
		if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Error("the listener is still open")
		}
	})
	t.Run("with its listener", func(t *testing.T) {
		l, ended := start(t.Context())
		l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good, _ := authority(t)
	tests := []struct {
		name, want string
		o          Options
	}{
		{"no TLS", "TLS", Options{}},
		{"bad atSign", "invalid @sign", Options{TLS: good, Entries: map[atkey.Sign]string{"@": "localhost:1"}}},
		{"unfolded atSign", "folded", Options{TLS: good, Entries: map[atkey.Sign]string{"@Alice": "localhost:1"}}},
		{"bad address", "host:port", Options{TLS: good, Entries: map[atkey.Sign]string{"@alice": "localhost"}}},
		{"no file", "no such file", Options{TLS: good, EntriesFile: "/nonexistent/entries"}},
		{"a folder", "directory entries", Options{TLS: good, EntriesFile: t.TempDir()}},
		{"bad file", "line 2", Options{TLS: good, EntriesFile: newFile(t, "\n@alice\n").path}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := New(test.o)
			if d != nil || err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// lines is a log of which each line can be waited for.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}
