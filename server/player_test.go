package server_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// target is a server that scripts are played against.
type target struct {
	addr   string
	tls    *tls.Config
	secret string
	pass   func(time.Duration) // moves the time on; with step nil where that cannot be done
	step   func()              // does what is due
	onTold func(text string)   // is told everything that is sent; may be nil

	onboarded map[string]bool   // personas that have been here
	values    map[string]string // what their onboarding left
}

// patience is how long a reply may take before a script fails.
const patience = 30 * time.Second

// maxRecord is the payload of the largest TLS record (RFC 8446, section 5.1).
const maxRecord = 16384

// player plays one script.
type player struct {
	*testing.T
	*target
	values map[string]string
	conns  map[string]*tls.Conn
	name   string // selected connection
	file   string
	line   int
}

func play(t *testing.T, file string, s script, to *target) {
	p := &player{T: t, target: to, values: map[string]string{}, conns: map[string]*tls.Conn{}, file: file}
	p.run(s)
	for p.name = range p.conns {
		p.leave()
	}
}

func (p *player) run(s script) {
	p.Helper()
	for _, step := range s {
		if p.file != "" {
			p.line = step.line
		}
		switch step.verb {
		case "@":
			p.enter(step.arg)
		case ">":
			p.send(p.expanded(step.arg) + "\n")
		case "<":
			p.expect(step.arg)
		case "raw":
			p.raw(step.arg)
		case "closed":
			p.closed()
		case "let":
			p.let(step.arg)
		case "clock":
			d, err := time.ParseDuration(step.arg)
			p.must(err)
			p.pass(d)
		case "step":
			p.step()
		}
	}
}

func (p *player) fail(format string, args ...any) {
	p.Helper()
	p.Errorf("%s:%d: @%s: "+format, append([]any{p.file, p.line, p.name}, args...)...)
}

// must ends the script on an error after which going on makes no sense.
func (p *player) must(err error) {
	p.Helper()
	if err != nil {
		p.fail("%v", err)
		p.FailNow()
	}
}

func (p *player) expanded(text string) string {
	p.Helper()
	text, err := expand(text, p.values)
	p.must(err)
	return text
}

// enter selects a connection. A new one is greeted, and its persona logs in.
func (p *player) enter(name string) {
	p.Helper()
	p.name = name
	if p.conns[name] != nil {
		return
	}
	who := persona(name)
	login, ok := logins[who]
	if !ok {
		p.must(errors.New("nobody by this name"))
	}
	if !p.onboarded[who] {
		p.onboarded[who] = true
		p.onboard(who)
	}
	for name, value := range p.target.values {
		p.values[name] = value
	}
	p.name = name
	p.dial()
	p.play(login)
}

// onboard lets a persona do once what it does before its first login.
func (p *player) onboard(who string) {
	p.Helper()
	q := &player{T: p.T, target: p.target, values: map[string]string{}, conns: map[string]*tls.Conn{}, file: p.file, line: p.line}
	q.play(onboarding[who])
	if id := q.values[who]; id != "" {
		p.target.values[who] = id
	}
	for q.name = range q.conns {
		q.leave()
	}
}

// play plays the steps of a persona, which have no file of their own.
func (p *player) play(text string) {
	p.Helper()
	s, err := parseScript(text)
	p.must(err)
	for i := range s {
		s[i].line = p.line
	}
	p.run(s)
}

func (p *player) dial() {
	p.Helper()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience, LocalAddr: addressOf(p.name)}, Config: p.tls}
	conn, err := dialer.DialContext(p.Context(), "tcp", p.addr)
	p.must(err)
	p.conns[p.name] = conn.(*tls.Conn)
	p.Cleanup(func() { conn.Close() })
	p.expect("@")
}

func (p *player) conn() *tls.Conn {
	p.Helper()
	conn := p.conns[p.name]
	if conn == nil {
		p.must(errors.New("no such connection"))
	}
	p.must(conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

func (p *player) send(text string) {
	p.Helper()
	if p.onTold != nil {
		p.onTold(text)
	}
	_, err := io.WriteString(p.conn(), text)
	p.must(err)
}

// expect reads one unit, TLS record by TLS record, and compares.
func (p *player) expect(text string) {
	p.Helper()
	want, err := expectation(text, p.values)
	p.must(err)
	got, records := "", 0
	for lines := strings.Count(text, "⏎"); records == 0 || strings.Count(got, "\n") < lines; records++ {
		var record [maxRecord]byte
		n, err := p.conn().Read(record[:])
		if got += string(record[:n]); err != nil {
			p.fail("\nwant %s\ngot  %q and then %v", text, short(got), err)
			p.FailNow()
		}
	}
	switch {
	case !want.match(got, p.values):
		p.fail("\nwant %s\ngot  %s", short(text), short(strings.ReplaceAll(got, "\n", "⏎")))
	case len(got) <= maxRecord && records > 1:
		p.fail("a reply of %d bytes came in %d TLS records", len(got), records)
	}
}

func short(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "…"
	}
	return s
}

func (p *player) raw(quoted string) {
	p.Helper()
	for rest := quoted; rest != ""; rest = strings.TrimLeft(rest, " ") {
		prefix, err := strconv.QuotedPrefix(rest)
		p.must(err)
		text, err := strconv.Unquote(prefix)
		p.must(err)
		p.send(p.expanded(text))
		rest = rest[len(prefix):]
	}
}

// closed waits for the end of the connection. What it may then be opened again for is another connection.
func (p *player) closed() {
	p.Helper()
	rest, err := io.ReadAll(p.conn())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.fail("the connection is still open")
	case len(rest) > 0:
		p.fail("the end was expected, and this came: %q", short(string(rest)))
	}
	delete(p.conns, p.name)
}

// leave ends the connection from our side and sees that nothing is left to be read.
func (p *player) leave() {
	p.Helper()
	p.conn().CloseWrite() // fails if the server was faster
	p.closed()
}

func (p *player) let(text string) {
	p.Helper()
	name, call, ok := strings.Cut(text, " = ")
	if !ok {
		p.must(errors.New("let NAME = FUNCTION ARGUMENTS"))
	}
	value, err := evaluate(call, p.secret, p.values)
	p.must(err)
	p.values[name] = value
}
