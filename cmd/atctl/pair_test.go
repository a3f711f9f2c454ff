package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/cmd/console"
	"atserver/server"
	"atserver/server/directory"
	"atserver/store/atkey"
)

// pair is @alice and @bob, each on a server of their own, with a directory that knows
// both, and one home folder for the people that use atctl.
type pair struct {
	directory, ca, home string
	dirs                map[atkey.Sign]string // data folders of the servers
	listeners           map[atkey.Sign]net.Listener
	stops               map[atkey.Sign]func()
	authority           *server.Authority
}

func openPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{home: t.TempDir(), dirs: map[atkey.Sign]string{}, listeners: map[atkey.Sign]net.Listener{}, stops: map[atkey.Sign]func(){}}
	t.Setenv("HOME", p.home)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	p.authority, err = server.OpenAuthority(t.TempDir(), time.Now())
	must(err)
	must(p.authority.Issue("127.0.0.1", time.Now()))
	p.ca = p.authority.CAFile()
	entries := map[atkey.Sign]string{}
	for _, sign := range []atkey.Sign{"@alice", "@bob"} {
		p.listeners[sign], p.dirs[sign] = listen(t), t.TempDir()
		entries[sign] = p.listeners[sign].Addr().String()
	}
	cert, err := tls.LoadX509KeyPair(p.authority.CertFile(), p.authority.KeyFile())
	must(err)
	d, err := directory.New(directory.Options{
		Entries: entries, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Log: zerolog.Nop(),
	})
	must(err)
	p.directory = serve(t, d.Run)
	for sign, listener := range p.listeners {
		p.run(t, sign, listener)
		p.ok(t, sign, cramSecret, "onboard", "--app=first", "--device=phone")
	}
	return p
}

func (p *pair) server(t *testing.T, sign atkey.Sign) *server.Server {
	t.Helper()
	s, err := server.New(server.Options{
		Sign: sign, Dir: p.dirs[sign], CRAMSecret: cramSecret, Log: zerolog.Nop(),
		CertFile: p.authority.CertFile(), KeyFile: p.authority.KeyFile(), TrustFile: p.ca, Directory: p.directory,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run has a server serve until the test ends, or stop ends it.
func (p *pair) run(t *testing.T, sign atkey.Sign, listener net.Listener) {
	t.Helper()
	s := p.server(t, sign)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	serveOn(t, listener, func(outer context.Context, l net.Listener) error {
		defer close(ended)
		defer context.AfterFunc(outer, cancel)()
		return s.Run(ctx, l)
	})
	p.stops[sign] = func() { cancel(); <-ended }
	t.Cleanup(cancel)
}

// stop ends a server.
func (p *pair) stop(sign atkey.Sign) { p.stops[sign]() }

// restart has a server that was stopped serve again, at the same address.
func (p *pair) restart(t *testing.T, sign atkey.Sign) {
	t.Helper()
	listener, err := net.Listen("tcp", p.listeners[sign].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p.run(t, sign, listener)
}

// flags are those by which atctl finds its way here.
func (p *pair) flags(sign atkey.Sign) []string {
	return []string{"--atsign=" + string(sign), "--ca=" + p.ca, "--root=" + p.directory}
}

func (p *pair) ctl(t *testing.T, sign atkey.Sign, input string, args ...string) (out, errs string, code int) {
	t.Helper()
	return ctl(t, input, append(p.flags(sign), args...)...)
}

// ok is ctl where nothing may fail.
func (p *pair) ok(t *testing.T, sign atkey.Sign, input string, args ...string) (out string) {
	t.Helper()
	out, errs, code := p.ctl(t, sign, input, args...)
	if code != 0 {
		t.Fatalf("%s: atctl %q: exit code %d, %s", sign, args, code, errs)
	}
	return out
}

// refused is ctl that must fail with a code and say something.
func (p *pair) refused(t *testing.T, sign atkey.Sign, code int, says string, args ...string) {
	t.Helper()
	out, errs, got := p.ctl(t, sign, "", args...)
	if got != code || !strings.Contains(errs, says) {
		t.Errorf("%s: atctl %q: exit code %d, %q and %q; want %d and %q", sign, args, got, out, errs, code, says)
	}
}

// ask sends one command as the owner, past atctl.
func (p *pair) ask(t *testing.T, sign atkey.Sign, line string) string {
	t.Helper()
	g := &globals{Atsign: string(sign), CA: p.ca, Root: p.directory, Timeout: 30 * time.Second}
	con := &console.Console{In: strings.NewReader(""), Out: io.Discard, Err: new(bytes.Buffer)}
	var reply string
	err := g.login(t.Context(), con, func(ctx context.Context, s session) (err error) {
		reply, err = s.Ask(ctx, line)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %s: %v", sign, line, err)
	}
	return reply
}

// keyFile is where atctl keeps the keys of an atSign.
func (p *pair) keyFile(sign atkey.Sign) string {
	return filepath.Join(p.home, ".atsign", "keys", string(sign)+keysSuffix)
}
