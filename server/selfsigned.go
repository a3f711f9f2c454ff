package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// An Authority is a certificate authority of one's own in a folder: ca.pem for
// clients to trust, ca-key.pem, and the certificate that it issued, cert.pem and
// key.pem. Keys are ECDSA P-256: small clients know no Ed25519.
type Authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
)

// OpenAuthority reads the authority of a folder, or makes it.
func OpenAuthority(folder string, now time.Time) (*Authority, error) {
	a := &Authority{folder: folder}
	pair, err := tls.LoadX509KeyPair(a.CAFile(), a.file("ca-key.pem"))
	if errors.Is(err, fs.ErrNotExist) && !a.begun() {
		return a, a.create(now)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", folder, err)
	}
	if now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("certificate authority in %s: it has expired; remove the folder to make a new one, which clients must then trust", folder)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("certificate authority in %s: the key is not an ECDSA key", folder)
	}
	a.cert, a.key = pair.Leaf, key
	return a, nil
}

// begun tells whether a part of an authority is there: a new one in its place
// would take the trust of all clients away without a word.
func (a *Authority) begun() bool {
	for _, file := range []string{a.CAFile(), a.file("ca-key.pem")} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

// CAFile is the certificate that clients must trust.
func (a *Authority) CAFile() string { return a.file("ca.pem") }

// CertFile and KeyFile are what Issue keeps fresh.
func (a *Authority) CertFile() string { return a.file("cert.pem") }
func (a *Authority) KeyFile() string  { return a.file("key.pem") }

func (a *Authority) file(name string) string { return filepath.Join(a.folder, name) }

func (a *Authority) create(now time.Time) error {
	if err := os.MkdirAll(a.folder, 0o755); err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	template := template(now, authorityLife)
	template.Subject = pkix.Name{CommonName: "atserver's own authority"}
	template.IsCA, template.MaxPathLenZero = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	return writePair(a.CAFile(), a.file("ca-key.pem"), a.key, der)
}

// Issue makes the certificate for a host, which also covers localhost, unless
// the one that is there still does.
func (a *Authority) Issue(host string, now time.Time) error {
	if pair, err := tls.LoadX509KeyPair(a.CertFile(), a.KeyFile()); err == nil &&
		pair.Leaf.CheckSignatureFrom(a.cert) == nil &&
		pair.Leaf.VerifyHostname(host) == nil && now.Add(renewBefore).Before(pair.Leaf.NotAfter) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("server certificate: %w", err)
	}
	template := template(now, leafLife)
	template.Subject = pkix.Name{CommonName: host}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else if host != "localhost" {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("server certificate: %w", err)
	}
	return writePair(a.CertFile(), a.KeyFile(), key, der, a.cert.Raw)
}

func template(now time.Time, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)) // crypto/rand does not fail
	return &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life), BasicConstraintsValid: true,
	}
}

// writePair writes the key first, so that a certificate never stands without it.
func writePair(certFile, keyFile string, key *ecdsa.PrivateKey, chain ...[]byte) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", keyFile, err)
	}
	if err := replaceFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	var out []byte
	for _, der := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return replaceFile(certFile, out, 0o644)
}

// replaceFile writes a file so that readers see the old one or the new one.
func replaceFile(name string, content []byte, mode fs.FileMode) error {
	part := name + ".part"
	if err := os.WriteFile(part, content, mode); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.Rename(part, name); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
