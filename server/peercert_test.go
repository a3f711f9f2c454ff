package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"atserver/server/directory"
	"atserver/store/atkey"
)

// issuer is an authority that issues whatever a test wants.
type issuer struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	over [][]byte // authorities between it and the one to trust
}

// issuedPair is a certificate in the forms in which tests need it.
type issuedPair struct {
	cert       *x509.Certificate
	tls        *tls.Certificate
	chain, key string // PEM
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	return (&issuer{t: t}).below()
}

// below makes an authority that i vouches for, or the first one.
func (i *issuer) below() *issuer {
	i.t.Helper()
	template := template(time.Now(), leafLife)
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	template.Subject.CommonName = "authority " + template.SerialNumber.String()
	pair := i.sign(template)
	next := &issuer{t: i.t, cert: pair.cert, key: pair.tls.PrivateKey.(*ecdsa.PrivateKey)}
	if i.cert != nil {
		next.over = append([][]byte{pair.cert.Raw}, i.over...)
	}
	return next
}

// sign issues a certificate, by itself when there is no authority.
func (i *issuer) sign(template *x509.Certificate) issuedPair {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	parent, signer := i.cert, i.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		i.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	pair := issuedPair{cert: cert, tls: &tls.Certificate{Certificate: append([][]byte{der}, i.over...), PrivateKey: key}, key: keyPEM(i.t, key)}
	for _, der := range pair.tls.Certificate {
		pair.chain += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return pair
}

// issue issues a certificate for hosts, as public authorities do: for servers.
func (i *issuer) issue(hosts ...string) issuedPair {
	i.t.Helper()
	return i.sign(forHosts(hosts...))
}

func forHosts(hosts ...string) *x509.Certificate {
	template := template(time.Now(), leafLife)
	template.DNSNames, template.IPAddresses = hosts, []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return template
}

func (i *issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	return pool
}

// file is what TrustFile takes.
func (i *issuer) file() string {
	i.t.Helper()
	name := filepath.Join(i.t.TempDir(), "trust.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return name
}

// listed runs a directory with these entries until the test ends.
func listed(t *testing.T, cert issuedPair, entries map[atkey.Sign]string) (address string) {
	t.Helper()
	d, err := directory.New(directory.Options{Entries: entries, TLS: &tls.Config{Certificates: []tls.Certificate{*cert.tls}}})
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
	return l.Addr().String()
}

const (
	noCertificate = "error:AT0401-Exception: Certificate Verification Failed\n@"
	notListed     = "error:AT0007-Exception: Unable to find secondary address for atSign:@nobody\n@"
)

var proof = regexp.MustCompile(`^data:proof:_[0-9a-f-]{36}@(bob|carol):pol1\.[A-Za-z0-9_-]+=*\n$`)

func TestPeerCertificates(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	b := start(t, Options{
		PeerCertificates: true, TrustFile: authority.file(),
		Directory: listed(t, authority.issue(), map[atkey.Sign]string{
			"@bob": "bob.example.org:6464", "@carol": "Carol.Example.org:6464",
		}),
	})
	change := func(f func(c *x509.Certificate)) *x509.Certificate {
		c := forHosts("bob.example.org")
		f(c)
		return c
	}
	signed := func(i *issuer, c *x509.Certificate) *tls.Certificate { return i.sign(c).tls }
	good := authority.issue("bob.example.org").tls
	tests := []struct {
		name, from string
		cert       *tls.Certificate
		want       string // "" is a challenge
	}{
		{"none", "@bob", nil, noCertificate},
		{"for servers", "@bob", good, ""},
		{"without the at", "bob", good, ""},
		{"for clients", "@bob", signed(authority, change(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})), ""},
		{"for mail", "@bob", signed(authority, change(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		})), ""},
		{"for any use", "@bob", signed(authority, change(func(c *x509.Certificate) { c.ExtKeyUsage = nil })), ""},
		{"for several hosts", "@bob", authority.issue("a.example.org", "bob.example.org").tls, ""},
		{"by an authority between", "@bob", authority.below().issue("bob.example.org").tls, ""},
		{"host spelt with capitals", "@carol", authority.issue("carol.example.org").tls, ""},

		{"for another host", "@bob", authority.issue("carol.example.org").tls, noCertificate},
		{"for another's host", "@carol", good, noCertificate},
		{"for a host above", "@bob", authority.issue("example.org").tls, noCertificate},
		{"for a host below", "@bob", authority.issue("x.bob.example.org").tls, noCertificate},
		{"for a host like it", "@bob", authority.issue("bob.example.org.evil.net", "notbob.example.org").tls, noCertificate},
		{"wildcard", "@bob", authority.issue("*.example.org").tls, noCertificate},
		{"no host but in the common name", "@bob", signed(authority, change(func(c *x509.Certificate) {
			c.DNSNames, c.Subject.CommonName = nil, "bob.example.org"
		})), noCertificate},
		{"another authority", "@bob", newIssuer(t).issue("bob.example.org").tls, noCertificate},
		{"no authority", "@bob", (&issuer{t: t}).issue("bob.example.org").tls, noCertificate},
		{"the authority between is missing", "@bob", without(authority.below().issue("bob.example.org").tls), noCertificate},
		{"expired", "@bob", signed(authority, change(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })), noCertificate},
		{"not yet valid", "@bob", signed(authority, change(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })), noCertificate},

		{"not in the directory", "@nobody", good, notListed},
		{"neither listed nor certified", "@nobody", nil, noCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := b.dialAs(t, dialing{cert: test.cert})
			for range 2 { // the connection stays open and good
				c.send("from:" + test.from + "\n")
				if test.want != "" {
					c.want(test.want)
				} else if line := c.line(); !proof.MatchString(line) {
					t.Errorf("got %q", line)
				} else {
					c.want("@")
				}
			}
			c.login() // who comes from this atSign needs none
			c.Close()
		})
	}
}

// without is a chain that is not whole.
func without(c *tls.Certificate) *tls.Certificate {
	return &tls.Certificate{Certificate: c.Certificate[:1], PrivateKey: c.PrivateKey}
}

// The owner is told of it in the owner's words.
func TestPeerCertificateOfTheOwner(t *testing.T) {
	t.Parallel()
	b := start(t, Options{PeerCertificates: true})
	b.owner().ask("from:@bob", "error:AT0401-Client authentication failed : Certificate Verification Failed\n@alice@")
}

// A certificate counts by the clock of the server.
func TestPeerCertificateExpiresOnTheConnection(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	b := start(t, Options{
		PeerCertificates: true, TrustFile: authority.file(),
		Directory: listed(t, authority.issue(), map[atkey.Sign]string{"@bob": "bob.example.org:6464"}),
	})
	c := b.dial(dialing{cert: authority.issue("bob.example.org").tls})
	c.send("from:@bob\n")
	c.line()
	c.want("@")
	b.clock.add(leafLife + time.Minute)
	c.ask("from:@bob", noCertificate)
}

// Where a directory cannot be asked nobody is believed, and only who asked is
// told.
func TestPeerWithoutDirectory(t *testing.T) {
	t.Parallel()
	authority := newIssuer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	b := start(t, Options{PeerCertificates: true, TrustFile: authority.file(), Directory: l.Addr().String()})
	neighbour := b.stranger()
	c := b.dial(dialing{cert: authority.issue("bob.example.org").tls})
	c.ask("from:@bob", "error:AT0011-Exception: Exception: the directory is not reachable\n@")
	c.ask("noop:0", "data:ok\n@")
	neighbour.ask("noop:0", "data:ok\n@")
}

// Networks without certificates for everybody can do without.
func TestPeerCertificatesNotDemanded(t *testing.T) {
	t.Parallel()
	b := start(t, Options{PeerCertificates: false})
	c := b.stranger()
	c.send("from:@bob\n")
	if line := c.line(); !proof.MatchString(line) {
		t.Errorf("got %q", line)
	}
	c.want("@")
}
