package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// network is @alice, @bob and @carol on servers of their own, and what their clients are told.
type network struct {
	dir       string // of the servers and, one folder an atSign, of their clients
	ctl       string // atctl
	cache     string // where install.sh put the clients
	ca        string // PEM file with the CA of all
	directory string // host:port
}

func startNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{dir: t.TempDir(), cache: clientCache(t)}
	n.ctl = filepath.Join(n.dir, "atctl")
	run(t, "go", "build", "-o", n.ctl, "atserver/cmd/atctl")
	found := up(t, nil, "--data", filepath.Join(n.dir, "servers"), "--name", "127.0.0.1").found("@alice")
	n.ca, n.directory = found.CAFile, found.Directory
	return n
}

// secret is the file with the CRAM secret of an atSign.
func (n *network) secret(sign string) string {
	return filepath.Join(n.dir, "servers", sign, "cram.secret")
}

// home is where the SDKs, and nobody else, look for the keys of an atSign.
func (n *network) home(sign string) string { return filepath.Join(n.dir, "clients", sign) }

func (n *network) keys(sign string) string {
	return filepath.Join(n.home(sign), ".atsign", "keys", sign+"_key.atKeys")
}

func (n *network) python(t *testing.T, sign string) *app {
	t.Helper()
	script := filepath.Join("..", "..", "testdata", "interop", "python", "client.py")
	cmd := exec.Command(filepath.Join(n.cache, "python", "bin", "python"), script, sign, n.directory)
	cmd.Env = append(os.Environ(), "HOME="+n.home(sign), "SSL_CERT_FILE="+n.ca, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
	return sdk(t, "python", sign, cmd)
}

// java skips the test where install.sh found no Java SDK.
func (n *network) java(t *testing.T, sign string) *app {
	t.Helper()
	classes := filepath.Join(n.cache, "java", "classes")
	if _, err := os.Stat(filepath.Join(classes, "Client.class")); err != nil {
		t.Skip("no Java SDK: testdata/interop/install.sh could not fetch it, and ATSERVER_INTEROP_JAVA_SDK named none")
	}
	trust := filepath.Join(n.dir, "trust.p12")
	run(t, "keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit",
		"-keystore", trust, "-alias", "ca", "-file", n.ca)
	a := sdk(t, "java", sign, exec.Command("java", "-Djavax.net.ssl.trustStore="+trust, "-Djavax.net.ssl.trustStorePassword=changeit",
		"-cp", strings.Join([]string{classes, filepath.Join(n.cache, "java", "lib", "*")}, string(os.PathListSeparator)),
		"Client", sign, n.directory, n.keys(sign)))
	a.silent = true
	return a
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
