package main_test

import (
	"crypto/tls"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"atserver/verbs/wire"
)

// locate asks a directory, "" is an atSign that it does not know.
func (p *process) locate(ca, sign string) string {
	p.t.Helper()
	address, err := wire.LookupDirectory(bounded(p.t), p.address(), &tls.Config{RootCAs: roots(p.t, ca)}, sign)
	if err != nil && !errors.Is(err, wire.ErrNoAddress) {
		p.t.Fatal(err)
	}
	return address
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	entries := filepath.Join(data, "entries")
	writeFile(t, entries, "# people\n@bob=bob.example.org:6465\n@carol 127.0.0.1:6466\n")
	p := serving(t, nil, "directory", "--listen", "127.0.0.1:0", "--data", data, "--entries", entries,
		"--entry", "@alice=alice.example.org:6464", "--entry", "Da.Ve=10.0.0.1:1")
	ca := filepath.Join(data, "tls", "ca.pem")
	p.wantPrinted("clients must trust " + ca + "\n")
	for sign, want := range map[string]string{
		"@alice": "alice.example.org:6464", "bob": "bob.example.org:6465", "@carol": "127.0.0.1:6466", "@dave": "10.0.0.1:1", "@nobody": "",
	} {
		if got := p.locate(ca, sign); got != want {
			t.Errorf("%s: got %q, want %q", sign, got, want)
		}
	}
	p.stop()
}

func TestDirectoryWithGivenCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key)
	p := serving(t, []string{"ATSERVER_DIRECTORY_CERT=" + chain, "ATSERVER_DIRECTORY_KEY=" + key},
		"directory", "--listen", "127.0.0.1:0", "--entry", "@alice=localhost:6464")
	if got := p.locate(chain, "@alice"); got != "localhost:6464" || strings.Contains(p.stdout.String(), "trust") {
		t.Errorf("got %q", got)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "@alice nowhere\n")
	for want, args := range map[string][]string{
		"not of the form @alice=HOST:PORT": {"--entry", "@alice"},
		"invalid @sign":                    {"--entry", "@=localhost:1"},
		"host:port":                        {"--entry", "@alice=localhost"},
		"line 1":                           {"--entries", file},
		"no such file":                     {"--entries", file + "x"},
		"must be given together":           {"--cert", file},
		"certificate " + file:              {"--cert", file, "--key", file},
		"unknown log level":                {"--log-level", "loud"},
	} {
		t.Run(want, func(t *testing.T) {
			p := launch(t, nil, append([]string{"directory", "--listen", "127.0.0.1:0", "--data", dir}, args...)...)
			if status := p.status(); status != 1 || strings.Count(p.stderr.String(), "\n") != 1 || !strings.Contains(p.stderr.String(), want) {
				t.Errorf("status %d, %q", status, p.stderr.String())
			}
		})
	}
}
