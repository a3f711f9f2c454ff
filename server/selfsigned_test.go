package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var birth = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// issued opens the authority of a folder and has it issue a certificate.
func issued(t *testing.T, folder, host string, now time.Time) (ca, leaf *x509.Certificate) {
	t.Helper()
	a, err := OpenAuthority(folder, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Issue(host, now); err != nil {
		t.Fatal(err)
	}
	authority, err := tls.LoadX509KeyPair(a.CAFile(), filepath.Join(folder, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(a.CertFile(), a.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	if len(pair.Certificate) != 2 || !bytes.Equal(pair.Certificate[1], authority.Certificate[0]) {
		t.Error("the chain is not the certificate and its authority")
	}
	return authority.Leaf, pair.Leaf
}

func TestAuthorityAndItsCertificate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "tls")
	ca, leaf := issued(t, folder, "alice.example.org", birth)

	for name, cert := range map[string]*x509.Certificate{"authority": ca, "certificate": leaf} {
		key, ok := cert.PublicKey.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() || cert.SignatureAlgorithm != x509.ECDSAWithSHA256 {
			t.Errorf("%s: key %T, signed by %s", name, cert.PublicKey, cert.SignatureAlgorithm)
		}
		if cert.NotBefore.After(birth) || cert.SerialNumber.Sign() <= 0 || cert.SerialNumber.BitLen() > 159 {
			t.Errorf("%s: valid from %s, serial number %s", name, cert.NotBefore, cert.SerialNumber)
		}
	}
	if !ca.IsCA || ca.MaxPathLen != 0 || !ca.MaxPathLenZero || ca.KeyUsage&x509.KeyUsageCertSign == 0 || !ca.NotAfter.Equal(birth.Add(authorityLife)) {
		t.Errorf("authority: %+v", ca)
	}
	if leaf.IsCA || !leaf.NotAfter.Equal(birth.Add(leafLife)) || leaf.Subject.CommonName != "alice.example.org" {
		t.Errorf("certificate: %+v", leaf)
	}
	if want := []string{"localhost", "alice.example.org"}; !slices.Equal(leaf.DNSNames, want) {
		t.Errorf("it is for %v, want %v", leaf.DNSNames, want)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, host := range []string{"alice.example.org", "localhost", "127.0.0.1", "::1"} {
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: birth, KeyUsages: []x509.ExtKeyUsage{use}})
			if err != nil {
				t.Error(err)
			}
		}
	}
	want := map[string]fs.FileMode{"ca.pem": 0o644, "ca-key.pem": 0o600, "cert.pem": 0o644, "key.pem": 0o600}
	if got := modes(t, folder); !maps.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}

func modes(t *testing.T, folder string) map[string]fs.FileMode {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]fs.FileMode{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		modes[entry.Name()] = info.Mode().Perm()
	}
	return modes
}

func TestCertificateForAnAddress(t *testing.T) {
	_, leaf := issued(t, t.TempDir(), "192.0.2.7", birth)
	if err := leaf.VerifyHostname("192.0.2.7"); err != nil || !slices.Equal(leaf.DNSNames, []string{"localhost"}) {
		t.Errorf("%v; for %v", err, leaf.DNSNames)
	}
}

// What still serves stays, what does not is replaced, by the same authority.
func TestReissue(t *testing.T) {
	const host = "alice.example.org"
	tests := []struct {
		name   string
		spoil  func(t *testing.T, folder string)
		host   string
		after  time.Duration
		reused bool
	}{
		{"at once", nil, host, 0, true},
		{"a moment before the end is near", nil, host, leafLife - renewBefore - time.Second, true},
		{"when the end is near", nil, host, leafLife - renewBefore, false},
		{"after the end", nil, host, leafLife + time.Hour, false},
		{"for another host", nil, "al.example.org", 0, false},
		{"for an address", nil, "192.0.2.7", 0, false},
		{"for what it covers anyway", nil, "localhost", 0, true},
		{"without the certificate", remove("cert.pem"), host, 0, false},
		{"without the key", remove("key.pem"), host, 0, false},
		{"with another key", write("key.pem", otherKey(t)), host, 0, false},
		{"with garbage", write("cert.pem", "garbage"), host, 0, false},
		{"under another authority", func(t *testing.T, folder string) {
			other := t.TempDir()
			issued(t, other, host, birth)
			for _, name := range []string{"cert.pem", "key.pem"} {
				raw, err := os.ReadFile(filepath.Join(other, name))
				if err != nil {
					t.Fatal(err)
				}
				write(name, string(raw))(t, folder)
			}
		}, host, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			ca, first := issued(t, folder, host, birth)
			if test.spoil != nil {
				test.spoil(t, folder)
			}
			now := birth.Add(test.after)
			again, second := issued(t, folder, test.host, now)
			if !ca.Equal(again) {
				t.Error("the authority is another one")
			}
			if first.Equal(second) != test.reused {
				t.Errorf("reused: %v", !test.reused)
			}
			if err := second.VerifyHostname(test.host); err != nil || !now.Before(second.NotAfter) || second.CheckSignatureFrom(ca) != nil {
				t.Errorf("it does not serve: %v", err)
			}
			if got := modes(t, folder)["key.pem"]; got != 0o600 && !test.reused {
				t.Errorf("mode %v", got)
			}
		})
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func write(name, text string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func otherKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyPEM(t, key)
}

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Clients trust an authority, so a damaged one is never replaced behind the
// operator's back.
func TestDamagedAuthority(t *testing.T) {
	tests := []struct {
		name, want string
		spoil      func(t *testing.T, folder string)
	}{
		{"garbage", "failed to find any PEM data", write("ca.pem", "garbage")},
		{"garbage for a key", "failed to find any PEM data", write("ca-key.pem", "garbage")},
		{"another key", "private key does not match", write("ca-key.pem", otherKey(t))},
		{"a key of another kind", "not an ECDSA key", func(t *testing.T, folder string) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			der, err := x509.CreateCertificate(rand.Reader, template(birth, leafLife), template(birth, leafLife), key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))(t, folder)
			write("ca-key.pem", keyPEM(t, key))(t, folder)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			issued(t, folder, "localhost", birth)
			test.spoil(t, folder)
			before := contents(t, folder)
			_, err := OpenAuthority(folder, birth)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), folder) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if !maps.Equal(before, contents(t, folder)) {
				t.Error("the folder has changed")
			}
		})
	}
}

// contents is all files below a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAuthorityNeedsItsFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(filepath.Join(file, "tls"), birth); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
