package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/enroll"
	"atserver/store/atkey"
)

// cramSecret logs the owner in: the servers under test run in testing mode, so
// that it stays good.
const cramSecret = "3f7a09c1d2e4b5867f8091a2b3c4d5e6"

// patience bounds every wait for something that should come at once.
const patience = 20 * time.Second

// clock is the time of a server under test. It moves when a test says so, and
// panics where a test wants a fault.
type clock struct {
	ms    atomic.Int64
	fault atomic.Pointer[[]string] // functions by whose common call the clock panics, once
}

// newClock starts at the present, so that certificates are good for those who
// look at the time of day.
func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time {
	if functions := c.fault.Load(); functions != nil && calledBy(*functions) && c.fault.CompareAndSwap(functions, nil) {
		panic("the clock is broken")
	}
	return time.UnixMilli(c.ms.Load())
}

// breakIn makes the clock panic when it is read next by all these functions.
func (c *clock) breakIn(functions ...string) { c.fault.Store(&functions) }

// calledBy tells whether all these functions are under way.
func calledBy(functions []string) bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	stack := ""
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		stack += frame.Function + "\n"
	}
	return !slices.ContainsFunc(functions, func(f string) bool { return !strings.Contains(stack, f+"\n") })
}

func (c *clock) add(d time.Duration) time.Time { return time.UnixMilli(c.ms.Add(d.Milliseconds())) }

// box is a server that runs on loopback.
type box struct {
	*Server
	t     *testing.T
	clock *clock
	log   *lockedBuffer
	addr  string
	conns *tappedListener
	end   func() error // ends Run and returns what it returned
	fault error        // that it is to end with
}

// start runs a server for @alice until the test ends. What the options leave out
// is chosen for tests.
func start(t *testing.T, o Options) *box {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startAt(t, o, l)
}

// startAt is start for a server whose address is known before it runs.
func startAt(t *testing.T, o Options, l net.Listener) *box {
	t.Helper()
	b := &box{t: t, clock: newClock(), log: &lockedBuffer{}}
	b.Server = b.open(o)
	b.addr, b.conns = l.Addr().String(), &tappedListener{Listener: l}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, b.conns) }()
	b.end = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := b.end(); !errors.Is(err, b.fault) {
			t.Errorf("Run: %v", err)
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", b.log)
		}
	})
	return b
}

// open makes the server without running it.
func (b *box) open(o Options) *Server {
	b.t.Helper()
	o.Sign, o.CRAMSecret, o.TestingMode = cmp.Or(o.Sign, "@alice"), cramSecret, true
	o.Now, o.Log = b.clock.now, zerolog.New(b.log)
	srv, err := New(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return srv
}

// pass lets time pass, from the moment when the commands so far are through.
func (b *box) pass(d time.Duration) {
	b.t.Helper()
	b.wantBusy(0)
	b.clock.add(d)
}

// step lets time pass and the server notice.
func (b *box) step(d time.Duration) {
	b.t.Helper()
	b.pass(d)
	b.Step(b.clock.now())
}

// roots trusts the server's own authority.
func (b *box) roots() *x509.CertPool {
	b.t.Helper()
	pem, err := os.ReadFile(b.CAFile())
	if err != nil {
		b.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// taken is what the gate believes: places, strangers, addresses.
func (b *box) taken() (places, strangers, addresses int) {
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	return len(b.gate.conns), b.gate.strangers, len(b.gate.addresses)
}

// wantTaken waits until the gate knows so many connections and strangers.
func (b *box) wantTaken(places, strangers int) {
	b.t.Helper()
	eventually(b.t, func() bool {
		p, s, a := b.taken()
		return p == places && s == strangers && (p > 0) == (a > 0)
	})
}

// wantEnded waits until so many connections ended for a reason.
func (b *box) wantEnded(why Reason, n int64) {
	b.t.Helper()
	eventually(b.t, func() bool { return b.ended[why].Load() == n })
}

// wantBusy waits until so many connections execute a command. With none, the
// others are through with what they had to write, too.
func (b *box) wantBusy(n int) {
	b.t.Helper()
	eventually(b.t, func() bool {
		b.gate.mu.Lock()
		defer b.gate.mu.Unlock()
		busy, writing := 0, 0
		for c := range b.gate.conns {
			if c.busy.Load() {
				busy++
			} else if c.out.gathered.moves.Load()%2 != 0 {
				writing++
			}
		}
		return busy == n && (n > 0 || writing == 0)
	})
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); !done(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it never came about")
		}
	}
}

// client is one connection to the server, which sees the records that arrive.
type client struct {
	*tls.Conn
	t    *testing.T
	raw  *tap
	sign atkey.Sign // whose server it is
}

// dialing says how a client connects; the zero value is from 127.0.0.1, with
// the server's authority trusted.
type dialing struct {
	from    string // local address
	version uint16 // of TLS, exactly
	cert    *tls.Certificate
	roots   *x509.CertPool // that it trusts; nil: the server's own authority
	any     bool           // certificate will do
	buffer  int            // bytes that the network may hold for it; 0: the system's
}

// try connects as far as the TLS handshake.
func (b *box) try(d dialing) (*client, error) {
	b.t.Helper()
	dialer := net.Dialer{Timeout: patience}
	if d.from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(d.from)}
	}
	conn, err := dialer.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	if d.buffer != 0 {
		conn.(*net.TCPConn).SetReadBuffer(d.buffer)
	}
	cfg := &tls.Config{RootCAs: d.roots, ServerName: "localhost", Time: b.clock.now, InsecureSkipVerify: d.any}
	if cfg.RootCAs == nil && !d.any {
		cfg.RootCAs = b.roots()
	}
	if d.version != 0 {
		cfg.MinVersion, cfg.MaxVersion = d.version, d.version
		cfg.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	}
	if d.cert != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return d.cert, nil }
	}
	c := &client{t: b.t, raw: &tap{Conn: conn}, sign: b.options.Sign}
	c.Conn = tls.Client(c.raw, cfg)
	c.soon()
	return c, c.Handshake()
}

// dial connects and reads the greeting.
func (b *box) dial(d dialing) *client {
	b.t.Helper()
	c, err := b.try(d)
	if err != nil {
		b.t.Fatal(err)
	}
	c.want("@")
	return c
}

func (b *box) stranger() *client {
	b.t.Helper()
	return b.dial(dialing{})
}

// owner connects and logs in.
func (b *box) owner() *client {
	b.t.Helper()
	c := b.stranger()
	c.login()
	return c
}

// refused connects and wants to be told that there is no place.
func (b *box) refused(d dialing) {
	b.t.Helper()
	c, err := b.try(d)
	if err != nil {
		b.t.Fatal(err)
	}
	c.want("error:AT0012-Inbound connection limit exceeded\n")
	c.wantEnd()
}

// soon bounds what the client does next.
func (c *client) soon() { c.SetDeadline(time.Now().Add(patience)) }

func (c *client) send(text string) {
	c.t.Helper()
	c.soon()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// want reads as many bytes as the text has and compares.
func (c *client) want(text string) {
	c.t.Helper()
	c.soon()
	buf := make([]byte, len(text))
	if n, err := io.ReadFull(c, buf); err != nil || string(buf) != text {
		c.t.Fatalf("got %.200q, %v; want %.200q", buf[:n], err, text)
	}
}

// ask sends a command and wants its answer.
func (c *client) ask(command, answer string) {
	c.t.Helper()
	c.send(command + "\n")
	c.want(answer)
}

// line reads to the next LF.
func (c *client) line() string {
	c.t.Helper()
	c.soon()
	var line []byte
	for b := make([]byte, 1); len(line) == 0 || line[len(line)-1] != '\n'; line = append(line, b...) {
		if _, err := io.ReadFull(c, b); err != nil {
			c.t.Fatalf("after %q: %v", line, err)
		}
	}
	return string(line)
}

// wantEnd reads to the end, before which nothing may come. A server may end a
// connection with or without a goodbye.
func (c *client) wantEnd() {
	c.t.Helper()
	c.soon()
	rest, err := io.ReadAll(c)
	var timeout net.Error
	if len(rest) != 0 || errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("got %.200q, %v; want the end", rest, err)
	}
}

// login proves to hold the CRAM secret.
func (c *client) login() {
	c.t.Helper()
	sign := string(c.sign)
	c.send("from:" + sign + "\n")
	challenge, ok := strings.CutPrefix(c.line(), "data:")
	if !ok {
		c.t.Fatal("no challenge")
	}
	c.want("@")
	c.ask("cram:"+enroll.CRAMDigest(cramSecret, strings.TrimSpace(challenge)), "data:success\n"+sign+"@")
}

// put stores a value of n bytes that everybody may read, and returns it.
func (c *client) put(name string, n int) string {
	c.t.Helper()
	value := strings.Repeat("0123456789abcdef", n/16+1)[:n]
	c.send("update:public:" + name + "@alice " + value + "\n")
	if line := c.line(); !strings.HasPrefix(line, "data:") {
		c.t.Fatalf("got %q", line)
	}
	c.want("@alice@")
	return value
}

// tap is a network connection of which what passes is kept.
type tap struct {
	net.Conn
	mu   sync.Mutex
	in   bytes.Buffer
	outs [][]byte // one a Write
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.in.Write(p[:n])
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.outs = append(t.outs, bytes.Clone(p))
	t.mu.Unlock()
	return t.Conn.Write(p)
}

// arrived takes what was read since it was called last.
func (t *tap) arrived() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := bytes.Clone(t.in.Bytes())
	t.in.Reset()
	return in
}

// left takes what was written since it was called last, one piece a Write.
func (t *tap) left() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	outs := t.outs
	t.outs = nil
	return outs
}

// tappedListener keeps what it accepted last.
type tappedListener struct {
	net.Listener
	last   atomic.Pointer[tap]
	buffer atomic.Int64 // bytes that the network may hold for a client; 0: the system's
}

func (l *tappedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if n := l.buffer.Load(); n != 0 {
		conn.(*net.TCPConn).SetWriteBuffer(int(n))
	}
	t := &tap{Conn: conn}
	l.last.Store(t)
	return t, nil
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
