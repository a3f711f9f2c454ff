package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"atserver/server"
)

// recheck is how long a certificate is taken to be unchanged, and fresh.
const recheck = time.Minute

// certificate is what a directory shows: that of two files, read again when they change. One of our own making is made
// anew before it expires.
type certificate struct {
	certFile, keyFile string
	authority         *server.Authority // nil when the certificate was given
	name              string            // host that the authority vouches for
	log               zerolog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	seen    string // state of the files when they were read last
	checked time.Time
}

// openCertificate reads a certificate that was given. It must be good at first.
func openCertificate(certFile, keyFile string, log zerolog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, checked: time.Now()}
	return c, c.load()
}

// makeCertificate makes an authority in a folder, unless it is there, and a certificate for a host.
func makeCertificate(folder, name string, log zerolog.Logger) (*certificate, error) {
	now := time.Now()
	authority, err := server.OpenAuthority(folder, now)
	if err == nil {
		err = authority.Issue(name, now)
	}
	if err != nil {
		return nil, err
	}
	c := &certificate{
		certFile: authority.CertFile(), keyFile: authority.KeyFile(), authority: authority, name: name, log: log, checked: now,
	}
	return c, c.load()
}

func (c *certificate) load() error {
	c.seen = c.state()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair = &pair
	return nil
}

// state tells whether the files are those that were read.
func (c *certificate) state() (state string) {
	for _, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil {
			state += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
		}
	}
	return state
}

// current is the certificate of now. What cannot be made or read leaves the one before.
func (c *certificate) current(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := now.Sub(c.checked); age >= 0 && age < recheck {
		return c.pair
	}
	c.checked = now
	if c.authority != nil {
		if err := c.authority.Issue(c.name, now); err != nil {
			c.log.Error().Err(err).Msg("Own certificate not renewed")
		}
	}
	if c.state() != c.seen {
		if err := c.load(); err != nil {
			c.log.Error().Err(err).Msg("Certificate not reloaded, the one before stays")
		}
	}
	return c.pair
}

// tls is what a directory listens with.
func (c *certificate) tls() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.current(time.Now()), nil
	}}
}
