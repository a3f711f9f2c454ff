package peer

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/server/directory"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// TestMain fails when a goroutine of this package is left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	var stacks strings.Builder
	for range 200 {
		stacks.Reset()
		pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		ours := 0
		for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
			if strings.Contains(stack, "server/peer.") {
				ours++
			}
		}
		if ours == 1 { // this one
			os.Exit(code)
		}
		time.Sleep(10 * time.Millisecond)
	}
	io.WriteString(os.Stderr, "goroutines are left:\n"+stacks.String())
	os.Exit(1)
}

// signing is the pair by which @alice proves herself in all tests.
var signing = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// authority vouches for servers.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	pair := a.issue("an authority")
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate for a host and 127.0.0.1; the first one is the authority's own.
func (a *authority) issue(host string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		DNSNames: []string{host}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// conversation is one connection to a stub.
type conversation struct {
	*tls.Conn
	heard []string
}

// stub is a server that says whatever a test wants.
type stub struct {
	t       *testing.T
	addr    string // localhost:port
	certs   atomic.Int32
	greet   atomic.Pointer[string]                    // "@" unless it is set; empty: nothing is said
	answer  func(c *conversation, line string) string // what is sent; "" ends the connection
	mu      sync.Mutex
	talks   []*conversation
	holding chan struct{} // closed at the end of the test
}

// hold is the answer of a stub that says nothing more.
const hold = "hold"

func newStub(t *testing.T, cert tls.Certificate, answer func(c *conversation, line string) string) *stub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := &stub{t: t, addr: "localhost:" + port, answer: answer, holding: make(chan struct{})}
	var under sync.WaitGroup
	under.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			under.Go(func() {
				s.serve(tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(s.holding)
		s.cut()
		under.Wait()
	})
	return s
}

func (s *stub) serve(conn *tls.Conn) {
	defer conn.Close()
	c := &conversation{Conn: conn}
	s.mu.Lock()
	s.talks = append(s.talks, c)
	s.mu.Unlock()
	if conn.Handshake() != nil {
		return
	}
	s.certs.Add(int32(len(conn.ConnectionState().PeerCertificates)))
	greeting := "@"
	if g := s.greet.Load(); g != nil {
		greeting = *g
	}
	io.WriteString(conn, greeting)
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.mu.Lock()
		c.heard = append(c.heard, lines.Text())
		s.mu.Unlock()
		switch reply := s.answer(c, lines.Text()); reply {
		case "":
			return
		case hold:
			<-s.holding
			return
		default:
			for part := range strings.SplitSeq(reply, "\x00") { // a record each
				io.WriteString(conn, part)
			}
		}
	}
}

// cut closes all connections.
func (s *stub) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.talks {
		c.NetConn().Close()
	}
}

// heard is what was said on each connection so far.
func (s *stub) heard() (all [][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.talks {
		all = append(all, slices.Clone(c.heard))
	}
	return all
}

// shelf is the Keys of @alice: where a peer finds the signature.
type shelf struct {
	mu      sync.Mutex
	cookies map[string]string
}

func (s *shelf) SigningKey() (*rsa.PrivateKey, error) { return signing(), nil }

func (s *shelf) PutCookie(k atkey.Key, signature string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cookies == nil {
		s.cookies = map[string]string{}
	}
	s.cookies[k.String()] = signature
	return nil
}

// proves tells whether the signature over a challenge is there.
func (s *shelf) proves(name, challenge string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := base64.StdEncoding.DecodeString(s.cookies[name])
	digest := sha256.Sum256([]byte(challenge))
	return err == nil && rsa.VerifyPKCS1v15(&signing().PublicKey, crypto.SHA256, digest[:], raw) == nil
}

func (s *shelf) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.cookies)
}

const sid = "_01234567-89ab-4cde-8f01-23456789abcd"

// challengeBy is what a verifier has signed.
func challengeBy(verifier string) string {
	raw, err := json.Marshal(map[string]string{"v": verifier, "n": "0f8fad5b-d9cb-469f-a165-70867728950e"})
	if err != nil {
		panic(err)
	}
	return "pol1." + base64.URLEncoding.EncodeToString(raw)
}

// good is the server of an atSign that answers as it should. What is looked up has its own name as value.
func good(of string, keys *shelf, challenge string) func(*conversation, string) string {
	return func(_ *conversation, line string) string {
		switch {
		case line == "lookup:all:publickey"+of:
			return `data:{"key":"public:publickey` + of + `","data":"K","metaData":{}}` + "\n@"
		case line == "from:@alice":
			return "data:proof:" + sid + "@alice:" + challenge + "\n@"
		case line == "pol" && keys.proves("public:"+sid+"@alice", challenge):
			return "@alice@"
		case line == "pol":
			return "error:AT0401-Exception: Pol Authentication Failed\n@"
		case strings.HasPrefix(line, "lookup:missing"):
			return "error:AT0015-Exception: x does not exist in keystore\n@"
		}
		return "data:" + line + "\n@"
	}
}

// clock stands still unless it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()) }
func (c *clock) move(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// world is a pool of @alice's and all around it.
type world struct {
	t *testing.T
	*Pool
	authority *authority
	keys      *shelf
	clock     *clock
	resolver  *Resolver
	learned   chan string
}

// newWorld makes one in which the directory lists these.
func newWorld(t *testing.T, listed map[atkey.Sign]string, change func(*Options)) *world {
	return newWorldWith(t, newAuthority(t), listed, change)
}

func newWorldWith(t *testing.T, a *authority, listed map[atkey.Sign]string, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, authority: a, keys: &shelf{}, clock: &clock{}, learned: make(chan string, 100)}
	w.clock.ms.Store(time.Now().UnixMilli())
	shown := a.issue("alice.example.org")
	network := Network{Trust: a.pool(), Silence: 5 * time.Second, Certificate: func() tls.Certificate { return shown }}
	o := Options{
		Self: "@alice", Network: network, Keys: w.keys, Now: w.clock.now, Log: zerolog.Nop(),
		Learned: func(of atkey.Sign, record string) { w.learned <- string(of) + " " + record },
	}
	if change != nil {
		change(&o)
	}
	if o.Resolver == nil {
		o.Resolver = NewResolver(ResolverOptions{Directory: list(t, a, listed), Network: o.Network, Now: w.clock.now, Log: zerolog.Nop()})
	}
	w.resolver, w.Pool = o.Resolver, NewPool(o)
	t.Cleanup(func() {
		w.Pool.Close()
		w.resolver.Close()
	})
	return w
}

// list runs a real directory.
func list(t *testing.T, a *authority, entries map[atkey.Sign]string) string {
	t.Helper()
	d, err := directory.New(directory.Options{Entries: entries, TLS: &tls.Config{Certificates: []tls.Certificate{a.issue("localhost")}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

// gets asks and wants an answer.
func (w *world) gets(of atkey.Sign, proven bool, line, want string) {
	w.t.Helper()
	if got, err := w.Ask(context.Background(), of, proven, line); got != want || err != nil {
		w.t.Errorf("%s %s = %q, %v; want %q", of, line, got, err, want)
	}
}

// fails asks and wants a failure.
func (w *world) fails(of atkey.Sign, proven bool, line string, why Why) *Error {
	w.t.Helper()
	got, err := w.Ask(context.Background(), of, proven, line)
	var failed *Error
	if !errors.As(err, &failed) || failed.Why != why || failed.Of != of {
		w.t.Fatalf("%s %s = %q, %v; want failure of %s", of, line, got, err, why)
	}
	return failed
}

// refused asks and wants an error reply.
func (w *world) refused(of atkey.Sign, proven bool, line, code string) {
	w.t.Helper()
	_, err := w.Ask(context.Background(), of, proven, line)
	var reply *wire.Error
	if !errors.As(err, &reply) || reply.Code != code {
		w.t.Errorf("%s %s: %v; want %s", of, line, err, code)
	}
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := time.After(20 * time.Second); !done(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it never came about")
		}
	}
}
