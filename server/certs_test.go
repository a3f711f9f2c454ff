package server

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// shown is the certificate that a new connection gets.
func (b *box) shown() *x509.Certificate {
	b.t.Helper()
	return b.stranger().ConnectionState().PeerCertificates[0]
}

func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve := func(name string) (authority []byte, cert *x509.Certificate) {
		b := start(t, Options{Dir: dir, Name: name})
		if want := filepath.Join(dir, "tls", "ca.pem"); b.CAFile() != want {
			t.Errorf("clients are to trust %s, want %s", b.CAFile(), want)
		}
		authority, err := os.ReadFile(b.CAFile())
		if err != nil {
			t.Fatal(err)
		}
		cert = b.shown()
		if err := b.end(); err != nil {
			t.Fatal(err)
		}
		return authority, cert
	}
	authority, first := serve("alice.example.org")
	again, second := serve("alice.example.org")
	if !first.Equal(second) {
		t.Error("a restart changed the certificate")
	}
	_, third := serve("al.example.org")
	if third.Equal(first) || third.VerifyHostname("al.example.org") != nil {
		t.Errorf("it is for %v", third.DNSNames)
	}
	if string(authority) != string(again) {
		t.Error("a restart changed the authority")
	}
}

// The server's own certificate never runs out while it runs.
func TestOwnCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	b := start(t, Options{OwnerIdle: 400 * 24 * time.Hour})
	first := b.shown()
	owner := b.owner()
	b.step(leafLife - renewBefore - time.Minute)
	if !b.shown().Equal(first) {
		t.Error("renewed too early")
	}
	b.step(2 * time.Minute)
	second := b.shown()
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Error("not renewed")
	}
	b.step(renewBefore) // the first one is no good any more, new clients and old ones are well
	b.stranger().ask("noop:0", "data:ok\n@")
	owner.ask("noop:0", "data:ok\n@alice@")
}

// files are a certificate and its key, of which every version has a time of its
// own.
type files struct {
	t         *testing.T
	cert, key string
	version   time.Time
}

func newFiles(t *testing.T) *files {
	dir := t.TempDir()
	return &files{t, filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem"), birth}
}

func (f *files) write(name, text string) {
	f.t.Helper()
	f.version = f.version.Add(time.Second)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Chtimes(name, f.version, f.version); err != nil {
		f.t.Fatal(err)
	}
}

// put writes what an issuer made.
func (f *files) put(c issuedPair) {
	f.t.Helper()
	f.write(f.key, c.key)
	f.write(f.cert, c.chain)
}

func TestGivenCertificateIsReloaded(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	first, second, third := authority.issue("localhost"), authority.issue("localhost"), authority.issue("localhost")
	f := newFiles(t)
	f.put(first)
	b := start(t, Options{CertFile: f.cert, KeyFile: f.key})
	if b.CAFile() != "" {
		t.Errorf("clients are to trust %q", b.CAFile())
	}
	var clients []*client
	trust := dialing{roots: authority.pool()}
	steps := []struct {
		name   string
		change func()
		reload func()
		want   issuedPair
		logged string
	}{
		{"as it was", func() {}, func() { b.step(0) }, first, ""},
		{"changed, unnoticed yet", func() { f.put(second) }, func() {}, first, ""},
		{"changed", func() {}, func() { b.step(0) }, second, "Certificate loaded"},
		{"garbage", func() { f.write(f.cert, "garbage") }, func() { b.step(0) }, second, "Certificate not reloaded"},
		{"garbage is said once", func() {}, func() { b.step(0) }, second, ""},
		{"asked for with garbage", func() {}, b.ReloadCertificates, second, "Certificate not reloaded"},
		{"another's key", func() { f.put(third); f.write(f.key, first.key) }, func() { b.step(0) }, second, "Certificate not reloaded"},
		{"gone", func() { os.Remove(f.cert) }, func() { b.step(0) }, second, "Certificate not reloaded"},
		{"asked for", func() { f.put(third) }, b.ReloadCertificates, third, "Certificate loaded"},
		{"noticed once", func() {}, func() { b.step(0) }, third, ""},
		{"the key first", func() { f.write(f.key, first.key) }, func() { b.step(0) }, third, "Certificate not reloaded"},
		{"then the certificate", func() { f.write(f.cert, first.chain) }, func() { b.step(0) }, first, "Certificate loaded"},
		{"a link to other files", func() {
			other := newFiles(t)
			other.version = f.version.Add(time.Hour)
			other.put(second)
			for from, to := range map[string]string{other.cert: f.cert, other.key: f.key} {
				os.Remove(to)
				if err := os.Symlink(from, to); err != nil {
					t.Fatal(err)
				}
			}
		}, func() { b.step(0) }, second, "Certificate loaded"},
	}
	for _, step := range steps {
		before := len(b.log.String())
		step.change()
		step.reload()
		logged := b.log.String()[before:]
		if !strings.Contains(logged, step.logged) || step.logged == "" && strings.Contains(logged, "Certificate") {
			t.Errorf("%s: logged %q, want %q", step.name, logged, step.logged)
		}
		c := b.dial(trust)
		if !c.ConnectionState().PeerCertificates[0].Equal(step.want.cert) {
			t.Fatalf("%s: not the certificate that is wanted", step.name)
		}
		for _, c := range append(clients, c) {
			c.ask("noop:0", "data:ok\n@")
		}
		clients = append(clients, c)
	}
	if strings.Contains(b.log.String(), "PRIVATE") {
		t.Error("a key is in the log")
	}
}

// A certificate that has ended takes the place of none that has not, and a server
// which has no other says so and shows it.
func TestEndedCertificate(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	ending := func(in time.Duration) issuedPair {
		c := forHosts("localhost")
		c.NotAfter = time.Now().Add(in)
		return authority.sign(c)
	}
	good, ended, older := authority.issue("localhost"), ending(-time.Minute), ending(-time.Hour)
	f := newFiles(t)
	f.put(older)
	b := start(t, Options{CertFile: f.cert, KeyFile: f.key})
	trust := dialing{any: true}
	for _, step := range []struct {
		name         string
		given, shown issuedPair
		logged       string
	}{
		{"one that has ended, of none", older, older, "Certificate has expired"},
		{"one that ended later", ended, ended, "Certificate has expired"},
		{"one that ended before", older, ended, "ended at " + older.cert.NotAfter.Format(time.RFC3339)},
		{"a good one", good, good, "Certificate loaded"},
		{"one that has ended", ended, good, "ended at " + ended.cert.NotAfter.Format(time.RFC3339)},
		{"the good one again", good, good, "Certificate loaded"},
	} {
		before := len(b.log.String())
		f.put(step.given)
		b.step(0)
		if step.name == "one that has ended, of none" {
			before = 0
		}
		if logged := b.log.String()[before:]; !strings.Contains(logged, step.logged) {
			t.Errorf("%s: logged %q, want %q", step.name, logged, step.logged)
		}
		if c := b.dial(trust); !c.ConnectionState().PeerCertificates[0].Equal(step.shown.cert) {
			t.Errorf("%s: not the certificate that is wanted", step.name)
		}
	}
}

// A signal may ask for the certificate at any time, also while the janitor looks
// at it and connections take it.
func TestReloadAtAnyTime(t *testing.T) {
	t.Parallel()
	pair := newIssuer(t).issue("localhost")
	f := newFiles(t)
	f.put(pair)
	b := start(t, Options{CertFile: f.cert, KeyFile: f.key})
	var others sync.WaitGroup
	others.Go(func() {
		for range 20 {
			b.ReloadCertificates()
		}
	})
	others.Go(func() {
		for range 20 {
			if !b.certificates.current.Load().Leaf.Equal(pair.cert) {
				t.Error("not the certificate")
			}
		}
	})
	for range 20 {
		f.write(f.cert, pair.chain)
		b.step(0)
	}
	others.Wait()
}

func TestCertificateRefused(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	pair, other := authority.issue("localhost"), authority.issue("localhost")
	f := newFiles(t)
	f.put(pair)
	g := newFiles(t)
	g.put(other)
	tests := []struct {
		name, cert, key, trust, want string
	}{
		{"no key", f.cert, "", "", "together"},
		{"no certificate", "", f.key, "", "together"},
		{"no such certificate", f.cert + "x", f.key, "", "no such file"},
		{"no such key", f.cert, f.key + "x", "", "no such file"},
		{"another's key", f.cert, g.key, "", "does not match"},
		{"in the wrong order", f.key, f.cert, "", "certificate " + f.key},
		{"no such authorities", f.cert, f.key, "/nonexistent/ca.pem", "trusted authorities: open /nonexistent/ca.pem"},
		{"no authorities", f.cert, f.key, f.key, "holds no certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := New(Options{Sign: "@alice", Dir: dir, CRAMSecret: cramSecret, CertFile: test.cert, KeyFile: test.key, TrustFile: test.trust})
			if s != nil || err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if left := contents(t, dir); len(left) != 0 {
				t.Errorf("%d files were made", len(left))
			}
		})
	}
}
