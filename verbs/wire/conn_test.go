package wire

import (
	"bufio"
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
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// peer is the far end of a connection under test, driven by a script.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func (p peer) say(bytes string) { io.WriteString(p, bytes) }

// hear returns the next line; at the end of the stream "".
func (p peer) hear() string {
	line, _ := p.in.ReadString('\n')
	return line
}

// serve runs the script for each connection and returns the address and what a client needs to trust it.
func serve(t *testing.T, script func(peer)) (string, *tls.Config) {
	t.Helper()
	now := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)

	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Time: clock, DynamicRecordSizingDisabled: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			script(peer{conn, bufio.NewReader(conn)})
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port, &tls.Config{RootCAs: roots, Time: clock}
}

func dial(t *testing.T, script func(peer)) *Conn {
	t.Helper()
	addr, cfg := serve(t, script)
	c, err := Dial(t.Context(), addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// answers is a server that greets and answers each command with the next of the replies, prompts included.
func answers(replies ...string) func(peer) {
	return func(p peer) {
		p.say("@")
		for _, reply := range replies {
			if p.hear() == "" {
				return
			}
			p.say(reply)
		}
		p.hear()
	}
}

func TestAsk(t *testing.T) {
	long := strings.Repeat("x", 1_000_000)
	tests := []struct {
		name string
		talk [][3]string // command, reply, payload
	}{
		{"prompts", [][3]string{{"from:@alice", "data:_s@alice:c\n@", "_s@alice:c"}, {"cram:x", "data:success\n@alice@", "success"},
			{"noop:0", "data:ok\n@alice@", "ok"}}},
		{"no prompts", [][3]string{{"noop:0", "data:ok\n", "ok"}, {"noop:0", "data:ok\n", "ok"}}},
		{"blank after data:", [][3]string{{"stats", "data: [1]\n@", " [1]"}}},
		{"CRLF", [][3]string{{"noop:0", "data:ok\r\n@", "ok"}}},
		{"long", [][3]string{{"lookup:a@b", "data:" + long + "\n@", long}, {"noop:0", "data:ok\n@", "ok"}}},
		{"prompt cut by the read buffer", [][3]string{{"lookup:a@b", "data:" + long[:4096-len("data:\n@")] + "\n@alice@", long[:4089]},
			{"noop:0", "data:ok\n@alice@", "ok"}}},
		{"pol", [][3]string{{"from:@bob", "data:proof:_s@bob:c\n@", "proof:_s@bob:c"}, {"pol", "@bob@", "@bob@"},
			{"lookup:a@alice", "data:1\n@bob@", "1"}, {"lookup:b@alice", "data:2\n@bob@", "2"}}},
		{"pol of an emoji", [][3]string{{"pol", "@🦄@", "@🦄@"}}},
		{"pol from a chatty server", [][3]string{{"pol", "data:ok\n@", "ok"}, {"noop:0", "data:ok\n@", "ok"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var replies []string
			for _, step := range test.talk {
				replies = append(replies, step[1])
			}
			c := dial(t, answers(replies...))
			for _, step := range test.talk {
				if got, err := c.Ask(t.Context(), step[0]); got != step[2] || err != nil {
					t.Fatalf("%s: got %.80q, %v; want %.80q", step[0], got, err, step[2])
				}
			}
		})
	}
}

func TestAskSendsOneLine(t *testing.T) {
	heard := make(chan string, 1)
	c := dial(t, func(p peer) {
		p.say("@")
		heard <- p.hear()
		p.say("data:ok\n@")
	})
	if _, err := c.Ask(t.Context(), "update:a@alice ü b"); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "update:a@alice ü b\n" {
		t.Errorf("server heard %q", got)
	}
}

func TestAskErrorRepliesKeepTheConnection(t *testing.T) {
	c := dial(t, answers("error:AT0015-Exception: none\n@", `error:{"errorCode":"AT0009","errorDescription":"no"}`+"\n@alice@",
		"error:AT0026:enrollment_id: 1 is pending\n@", "data:ok\n@", "error:AT0401-Exception: Pol Authentication Failed\n@", "data:ok\n@"))
	for _, want := range []*Error{{"AT0015", "Exception: none"}, {"AT0009", "no"}, {"AT0026", "enrollment_id: 1 is pending"}} {
		var got *Error
		if _, err := c.Ask(t.Context(), "x"); !errors.As(err, &got) || *got != *want {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
		t.Errorf("got %q, %v", payload, err)
	}
	var got *Error
	if _, err := c.Ask(t.Context(), "pol"); !errors.As(err, &got) || got.Code != "AT0401" {
		t.Errorf("pol: got %v", err)
	}
	if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
		t.Errorf("after pol: got %q, %v", payload, err)
	}
}

func TestAskRefusesWhatIsNotOneLine(t *testing.T) {
	c := dial(t, answers("data:ok\n@"))
	for line, want := range map[string]error{"a\nb": ErrNotOneLine, "a\n": ErrNotOneLine, "a\rb": ErrNotOneLine, "a\x00": ErrNotOneLine,
		strings.Repeat("x", MaxLine): ErrLineTooLong} {
		if _, err := c.Ask(t.Context(), line); err != want {
			t.Errorf("%.20q: got %v, want %v", line, err, want)
		}
	}
	if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
		t.Errorf("the connection suffered: %q, %v", payload, err)
	}
}

func TestAskPolOnceAndBeforeLogin(t *testing.T) {
	for _, first := range []string{"pol", "cram:x", "pkam:x"} {
		c := dial(t, answers("@bob@\n", "data:ok\n@"))
		c.Ask(t.Context(), first)
		if _, err := c.Ask(t.Context(), "pol"); err != ErrNamed {
			t.Errorf("pol after %s: %v", first, err)
		}
	}
}

func TestAskFaultsAreFinal(t *testing.T) {
	tests := []struct {
		name, reply string
		want        error
	}{
		{"closed before the reply", "", io.ErrUnexpectedEOF},
		{"closed inside the reply", "data:hal", io.ErrUnexpectedEOF},
		{"no reply", "hello\n@", ErrUnexpected},
		{"unwanted notification", "notification: {}\ndata:ok\n@", ErrUnexpected},
		{"endless", strings.Repeat("x", MaxReply+8192), ErrReplyTooLong},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, func(p peer) {
				p.say("@")
				p.hear()
				p.say(test.reply)
			})
			for range 2 {
				payload, err := c.Ask(t.Context(), "cram:secret")
				if payload != "" || !errors.Is(err, test.want) || strings.Contains(err.Error(), "secret") {
					t.Fatalf("got %q, %v; want %v", payload, err, test.want)
				}
			}
		})
	}
}

func TestAskForLongReply(t *testing.T) {
	long := strings.Repeat("x", MaxReply+8192)
	c := dial(t, func(p peer) {
		p.say("@")
		p.hear()
		p.say("data:" + long + "\n@")
	})
	c.MaxReply = 2 * MaxReply
	if payload, err := c.Ask(t.Context(), "llookup:long@alice"); err != nil || payload != long {
		t.Errorf("got %d bytes, %v", len(payload), err)
	}
}

func TestAskEndlessPol(t *testing.T) {
	c := dial(t, func(p peer) {
		p.say("@")
		p.hear()
		p.say(strings.Repeat("@", 5000))
	})
	if _, err := c.Ask(t.Context(), "pol"); !errors.Is(err, ErrReplyTooLong) {
		t.Errorf("got %v", err)
	}
}

// A reply nobody asked for must not become the reply to the next command.
func TestAskUnsolicitedReply(t *testing.T) {
	for _, extra := range []string{"data:evil\n@", "@data:ev", "error:AT0003-x: y\n@"} {
		c := dial(t, answers("data:ok\n@"+extra, "data:ok\n@"))
		if _, err := c.Ask(t.Context(), "noop:0"); err != nil {
			t.Fatal(err)
		}
		if payload, err := c.Ask(t.Context(), "noop:0"); !errors.Is(err, ErrUnexpected) {
			t.Errorf("%q: got %q, %v", extra, payload, err)
		}
	}
}

func TestNotifications(t *testing.T) {
	var events []string
	c := dial(t, answers("notification: {\"id\":1}\ndata:ok\n@alice@notification: {\"id\":2}\nnotification: {\"i", "d\":3}\ndata:ok\n@alice@"))
	c.Notify = func(event string) { events = append(events, event) }
	for range 2 {
		if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
			t.Fatalf("got %q, %v", payload, err)
		}
	}
	if want := []string{`{"id":1}`, `{"id":2}`, `{"id":3}`}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	c := dial(t, answers("", "data:late\n@"))
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan error)
	go func() {
		_, err := c.Ask(ctx, "noop:0")
		heard <- err
	}()
	cancel()
	if err := <-heard; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAskDeadline(t *testing.T) {
	c := dial(t, answers(""))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Ask(ctx, "noop:0"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAskContextAlreadyOver(t *testing.T) {
	c := dial(t, answers("data:ok\n@"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Ask(ctx, "noop:0"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
		t.Errorf("nothing had been sent, yet: %q, %v", payload, err)
	}
}

func TestDialGreeting(t *testing.T) {
	tests := []struct {
		name, greeting string
		want           error
	}{
		{"closed", "", io.ErrUnexpectedEOF},
		{"another protocol", "220 mail.example.org\r\n", ErrUnexpected},
		{"data", "data:ok\n@", ErrUnexpected},
		{"half a line", "error:AT00", io.ErrUnexpectedEOF},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			addr, cfg := serve(t, func(p peer) { p.say(test.greeting) })
			if c, err := Dial(t.Context(), addr, cfg); c != nil || !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		addr, cfg := serve(t, func(p peer) { p.say(string(AppendError(nil, Dash, "AT0012", Text("AT0012"), ""))) })
		var refusal *Error
		if _, err := Dial(t.Context(), addr, cfg); !errors.As(err, &refusal) || *refusal != (Error{"AT0012", Text("AT0012")}) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("never", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		addr, cfg := serve(t, func(p peer) { p.hear() })
		if _, err := Dial(ctx, addr, cfg); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDialTLS(t *testing.T) {
	addr, cfg := serve(t, func(p peer) { p.say("@") })
	_, port, _ := net.SplitHostPort(addr)
	tests := []struct {
		name, addr string
		cfg        *tls.Config
		ok         bool
	}{
		{"name of the host", addr, cfg, true},
		{"another host", "127.0.0.1:" + port, cfg, false},
		{"name given", "127.0.0.1:" + port, &tls.Config{RootCAs: cfg.RootCAs, Time: cfg.Time, ServerName: "localhost"}, true},
		{"unknown authority", addr, &tls.Config{Time: cfg.Time}, false},
		{"no configuration", addr, nil, false},
		{"TLS 1.2 at least", addr, &tls.Config{RootCAs: cfg.RootCAs, Time: cfg.Time, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"no port", "localhost", cfg, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := Dial(t.Context(), test.addr, test.cfg)
			if (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
			if c != nil {
				c.Close()
			}
		})
	}
	if cfg.MinVersion != 0 || cfg.ServerName != "" {
		t.Error("the caller's configuration was changed")
	}
}
