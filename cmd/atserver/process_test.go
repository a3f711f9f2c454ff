package main_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"atserver/verbs/wire"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "atserver-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "atserver")
		if out, err := exec.Command("go", "build", "-o", binary, "atserver/cmd/atserver").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		return m.Run()
	}())
}

// patience bounds every wait for a process.
const patience = 30 * time.Second

// process is one run of the program, which ends with the test at the latest.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{}
}

// output is what a process has printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// launch starts the program with these arguments and, besides what it needs,
// this environment ("NAME=value") only.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return launchAs(t, func(*exec.Cmd) {}, env, args...)
}

// launchAs is launch of a command that is changed before.
func launchAs(t *testing.T, change func(*exec.Cmd), env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.Env = append([]string{"HOME=" + t.TempDir()}, env...)
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		p.cmd.Env = append(p.cmd.Env, "GOCOVERDIR="+dir)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	change(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("atserver %s\n%s%s", strings.Join(args, " "), p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// serving launches a server and waits until it serves.
func serving(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := launch(t, env, args...)
	p.wantPrinted(" at 127.0.0.1:", "\n")
	return p
}

// eventually waits for what is about to come about.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	within(t, patience, done)
}

// within is eventually for what may take another time.
func within(t *testing.T, limit time.Duration, done func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for late := time.After(limit); !done(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it never came about")
		}
	}
}

// wantPrinted waits until the texts are on standard output, in order.
func (p *process) wantPrinted(texts ...string) {
	p.t.Helper()
	eventually(p.t, func() bool {
		rest, ok := p.stdout.String(), true
		for _, text := range texts {
			if _, rest, ok = strings.Cut(rest, text); !ok {
				select {
				case <-p.exited:
					p.t.Fatal("it has ended")
				default:
				}
				return false
			}
		}
		return true
	})
}

// wantLogged waits until a text is so many times in the log.
func (p *process) wantLogged(text string, times int) {
	p.t.Helper()
	eventually(p.t, func() bool { return strings.Count(p.stderr.String(), text) >= times })
}

// address is where it listens.
func (p *process) address() string {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.stdout.String(), " at ")
	address, _, _ := strings.Cut(rest, "\n")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		p.t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

// status waits for the end.
func (p *process) status() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("it does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends it in order.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if status := p.status(); status != 0 {
		p.t.Fatalf("status %d", status)
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wantRefused waits for the end with status 1, after one line that says why.
func (p *process) wantRefused(why string) {
	p.t.Helper()
	status := p.status()
	said := p.stderr.String()
	if status != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, why) || p.stdout.String() != "" {
		p.t.Errorf("status %d, said %q, want %q", status, said, why)
	}
}

// dial connects to it as a client that trusts the authority in a file.
func (p *process) dial(ca string) (*wire.Conn, error) {
	p.t.Helper()
	c, err := wire.Dial(bounded(p.t), p.address(), &tls.Config{RootCAs: roots(p.t, ca)})
	if err == nil {
		p.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// roots are the authorities in a file.
func roots(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	return pool
}

// client is dial with the authority in a data folder.
func (p *process) client(data string) *wire.Conn {
	p.t.Helper()
	c, err := p.dial(filepath.Join(data, "tls", "ca.pem"))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// ask wants an answer: the payload, or the code of an error.
func ask(t *testing.T, c *wire.Conn, command, want string) {
	t.Helper()
	if got := answer(t, c, command); got != want {
		t.Fatalf("%s: got %q; want %q", command, got, want)
	}
}

// answer is the payload of an answer, or the code of an error.
func answer(t *testing.T, c *wire.Conn, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := c.Ask(ctx, command)
	var refused *wire.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return got
}

// login proves to hold a CRAM secret.
func login(t *testing.T, c *wire.Conn, secret string) {
	t.Helper()
	challenge, err := c.Ask(bounded(t), "from:@alice")
	if err != nil {
		t.Fatal(err)
	}
	ask(t, c, "cram:"+digest(secret+challenge), "success")
}

func digest(text string) string {
	sum := sha512.Sum512([]byte(text))
	return hex.EncodeToString(sum[:])
}

// randomSecret is good as a CRAM secret.
func randomSecret() string {
	secret := make([]byte, 32)
	rand.Read(secret)
	return hex.EncodeToString(secret)
}

// certificate writes a self-signed certificate for loopback and its key.
func certificate(t *testing.T, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	writeFile(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// mode is the permissions of a file.
func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
