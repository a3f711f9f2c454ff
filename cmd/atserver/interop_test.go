package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterop runs other people's unmodified clients, and atctl beside them, against the real binaries: an
// `atserver directory` and one `atserver serve` for each atSign, all on loopback with TLS verified.
//
// testdata/interop/install.sh fetches the clients, so this is no part of a plain `go test ./...`.
func TestInterop(t *testing.T) {
	if os.Getenv("ATSERVER_INTEROP") != "1" {
		t.Skip("set ATSERVER_INTEROP=1 to run the real clients, after testdata/interop/install.sh")
	}
	n := startNetwork(t, "@alice", "@bob", "@carol")

	t.Run("python", func(t *testing.T) {
		python := n.python("@alice")
		python(t, "onboard", "--secret-file", n.secret("@alice"))
		python(t, "records")
		n.sharesKeyFile(t, "@alice", python)
	})
	t.Run("atctl onboards for python", func(t *testing.T) {
		python := n.python("@bob")
		n.atctl(t, "@bob", "onboard", "--cram-secret-file", n.secret("@bob"))
		python(t, "records")
		n.sharesKeyFile(t, "@bob", python)
	})
	t.Run("java", func(t *testing.T) {
		java := n.java(t, "@carol")
		java(t, "onboard", n.secret("@carol"))
		java(t, "records")
		n.sharesKeyFile(t, "@carol", java)
	})
}

// sdk runs one command of a client in testdata/interop and logs the steps that it prints.
type sdk func(t *testing.T, command string, args ...string)

// sharesKeyFile lets the SDK and atctl read what the other wrote, with one key file.
func (n *network) sharesKeyFile(t *testing.T, sign string, client sdk) {
	for _, kind := range []string{"self", "public"} {
		t.Run("the sdk puts "+kind+", atctl gets", func(t *testing.T) {
			value := "by the sdk: größer, " + kind
			client(t, "put", kind, "fromsdk", value)
			if got := n.atctl(t, sign, "get", fullKey(kind, "fromsdk", sign)); got != value {
				t.Errorf("atctl get: got %q, want %q", got, value)
			}
		})
		t.Run("atctl puts "+kind+", the sdk gets", func(t *testing.T) {
			value := "by atctl: größer, " + kind
			n.atctl(t, sign, "put", fullKey(kind, "fromatctl", sign), value)
			client(t, "check", kind, "fromatctl", value)
		})
	}
}

// fullKey is the wire name of what the clients call kind and name.
func fullKey(kind, name, sign string) string {
	key := name + ".interop" + sign
	if kind == "public" {
		return "public:" + key
	}
	return key
}

// network is a running directory and the servers that it names.
type network struct {
	dir       string            // holds all that follows, one folder an atSign
	bin       string            // folder of atserver and atctl
	cache     string            // where install.sh put the clients
	ca        string            // PEM file with the CA of every process
	directory string            // host:port
	servers   map[string]string // atSign to host:port
}

func startNetwork(t *testing.T, signs ...string) *network {
	t.Helper()
	n := &network{dir: t.TempDir(), servers: map[string]string{}}
	n.bin = filepath.Join(n.dir, "bin")
	n.ca = filepath.Join(n.dir, "ca.pem")
	n.cache = clientCache(t)
	run(t, exec.Command("go", "build", "-o", n.bin+"/", "atserver/cmd/atserver", "atserver/cmd/atctl"))

	n.directory = freeAddress(t)
	args := []string{"directory", "--listen", n.directory, "--name", "127.0.0.1", "--data", n.path("directory")}
	for _, sign := range signs {
		n.servers[sign] = freeAddress(t)
		args = append(args, "--entry", sign+"="+n.servers[sign])
	}
	n.start(t, n.directory, n.path("directory"), args...)
	for _, sign := range signs {
		secret := make([]byte, 32)
		rand.Read(secret)
		writeFile(t, n.secret(sign), hex.EncodeToString(secret))
		n.start(t, n.servers[sign], n.path(sign, "data"), "serve", "--atsign", sign,
			"--listen", n.servers[sign], "--name", "127.0.0.1", "--data", n.path(sign, "data"),
			"--cram-secret-file", n.secret(sign), "--directory", n.directory, "--trust", n.ca)
	}
	return n
}

// path is a name in the network's folder; the folder that it lies in is there.
func (n *network) path(elem ...string) string {
	path := filepath.Join(n.dir, filepath.Join(elem...))
	os.MkdirAll(filepath.Dir(path), 0o700)
	return path
}

func (n *network) secret(sign string) string { return n.path(sign, "secret") }

// keys is where the Python SDK, told its home, looks for the key file; the others are told the path.
func (n *network) keys(sign string) string {
	return n.path(sign, ".atsign", "keys", sign+"_key.atKeys")
}

// start runs atserver until the test ends and returns once it greets at address over TLS. The CA that it made
// below data joins the network's.
func (n *network) start(t *testing.T, address, data string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(n.bin, "atserver"), args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("atserver %s\n%s", strings.Join(args, " "), log.String())
		}
	})

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		pem, err := os.ReadFile(filepath.Join(data, "tls", "ca.pem"))
		if err == nil {
			err = greets(ctx, address, pem)
		}
		if err == nil {
			appendFile(t, n.ca, pem)
			return
		}
		select {
		case <-again.C:
		case <-exited:
			t.Fatalf("atserver %s ended at once", args[0])
		case <-ctx.Done():
			t.Fatalf("atserver %s does not answer: %v", args[0], err)
		}
	}
}

// greets tells whether a server at address shows a certificate of that CA and sends its first prompt.
func greets(ctx context.Context, address string, ca []byte) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	prompt := make([]byte, 1)
	if _, err := io.ReadFull(conn, prompt); err != nil || prompt[0] != '@' {
		return fmt.Errorf("greeting %q: %v", prompt, err)
	}
	return nil
}

// atctl runs atctl with the key file of sign and returns what it printed.
func (n *network) atctl(t *testing.T, sign, command string, args ...string) string {
	t.Helper()
	flags := []string{command, "--atsign", sign, "--root", n.directory, "--ca", n.ca, "--keys", n.keys(sign)}
	return run(t, exec.Command(filepath.Join(n.bin, "atctl"), append(flags, args...)...))
}

// python is testdata/interop/python with the key file of sign.
func (n *network) python(sign string) sdk {
	return func(t *testing.T, command string, args ...string) {
		t.Helper()
		script := filepath.Join("..", "..", "testdata", "interop", "python", "client.py")
		flags := []string{script, command, "--atsign", sign, "--directory", n.directory}
		cmd := exec.Command(filepath.Join(n.cache, "python", "bin", "python"), append(flags, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+n.path(sign), "SSL_CERT_FILE="+n.ca, "PYTHONDONTWRITEBYTECODE=1")
		t.Log(strings.TrimSpace(run(t, cmd)))
	}
}

// java is testdata/interop/java with the key file of sign. It skips the test where install.sh found no Java SDK.
func (n *network) java(t *testing.T, sign string) sdk {
	t.Helper()
	classes := filepath.Join(n.cache, "java", "classes")
	if _, err := os.Stat(filepath.Join(classes, "Client.class")); err != nil {
		t.Skip("testdata/interop/install.sh could not fetch the Java SDK on this machine")
	}
	trust := n.trustStore(t)
	return func(t *testing.T, command string, args ...string) {
		t.Helper()
		flags := []string{"-Djavax.net.ssl.trustStore=" + trust, "-Djavax.net.ssl.trustStorePassword=changeit",
			"-cp", classes + ":" + filepath.Join(n.cache, "java", "lib", "*"),
			"Client", command, sign, n.directory, n.keys(sign)}
		t.Log(strings.TrimSpace(run(t, exec.Command("java", append(flags, args...)...))))
	}
}

// trustStore makes the network's CAs a Java trust store and returns its path.
func (n *network) trustStore(t *testing.T) string {
	t.Helper()
	store := n.path("trust.p12")
	pem, err := os.ReadFile(n.ca)
	if err != nil {
		t.Fatal(err)
	}
	const end = "-----END CERTIFICATE-----\n"
	for i, cert := range strings.SplitAfter(strings.TrimSpace(string(pem))+"\n", end) {
		if cert == "" {
			continue
		}
		file := n.path(fmt.Sprintf("ca%d.pem", i))
		writeFile(t, file, cert)
		run(t, exec.Command("keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit",
			"-keystore", store, "-alias", fmt.Sprint("ca", i), "-file", file))
	}
	return store
}

// run runs cmd to its end, bounded in time, and returns its standard output; a failure shows both streams.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer overdue.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// clientCache is where install.sh put the clients.
func clientCache(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("ATSERVER_INTEROP_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(user, "atserver-interop")
	}
	if _, err := os.Stat(filepath.Join(cache, "python", "bin", "python")); err != nil {
		t.Fatalf("run testdata/interop/install.sh first: %v", err)
	}
	return cache
}

// freeAddress is a loopback address where nothing listened a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func appendFile(t *testing.T, path string, data []byte) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	writeFile(t, path, string(old)+string(data))
}
