package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// certificates holds the certificate that new connections get. It is replaced
// while the server runs; connections that exist keep what they have.
type certificates struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
	now               func() time.Time
	log               zerolog.Logger

	// Of who holds Server.stepping.
	seen   string // state of the files when they were read last
	warned int    // how many of warnBefore have been said of this one
}

// openCertificates reads the files for the first time, when they must be good.
func openCertificates(certFile, keyFile string, now func() time.Time, log zerolog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, now: now, log: log}
	c.seen = c.state()
	return c, c.load()
}

// load takes the pair that the files hold. One that has ended is better than none,
// and worse than one that has not.
func (c *certificates) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	if ends := pair.Leaf.NotAfter; ends.Before(c.now()) {
		if before := c.current.Load(); before != nil && before.Leaf.NotAfter.After(ends) {
			return fmt.Errorf("certificate %s ended at %s", c.certFile, ends.Format(time.RFC3339))
		}
	}
	c.current.Store(&pair)
	c.warned = 0
	c.log.Info().Str(fieldFile, c.certFile).Time(fieldUntil, pair.Leaf.NotAfter).Msg("Certificate loaded")
	c.warn(c.now())
	return nil
}

// reload reads the files again; a pair that does not work changes nothing.
func (c *certificates) reload() {
	c.seen = c.state()
	if err := c.load(); err != nil {
		c.log.Error().Err(err).Msg("Certificate not reloaded, the one before stays")
	}
}

// step reloads when the files have changed.
func (c *certificates) step() {
	if c.state() != c.seen {
		c.reload()
	}
}

// state tells whether the files are those that were read.
func (c *certificates) state() string {
	state := ""
	for _, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil {
			state += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
		}
	}
	return state
}

// warnBefore is how long before its end a certificate is warned of, each once.
var warnBefore = [...]time.Duration{30 * 24 * time.Hour, 7 * 24 * time.Hour, 0}

// warn says that the certificate is about to end, or has.
func (c *certificates) warn(now time.Time) {
	left, due := c.validUntil().Sub(now), 0
	for _, before := range warnBefore {
		if left < before {
			due++
		}
	}
	if due <= c.warned {
		return
	}
	c.warned = due
	e, message := c.log.Warn(), "Certificate expires soon"
	if left < 0 {
		e, message = c.log.Error(), "Certificate has expired"
	}
	e.Str(fieldFile, c.certFile).Time(fieldUntil, c.validUntil()).Int(fieldDays, int(left.Hours()/24)).Msg(message)
}

// valid returns why clients will not take the certificate, as far as time goes.
func (c *certificates) valid(now time.Time) error {
	leaf := c.current.Load().Leaf
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("expired on %s", leaf.NotAfter.Format(time.DateTime))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("is not valid before %s", leaf.NotBefore.Format(time.DateTime))
	}
	return nil
}

func (c *certificates) validUntil() time.Time { return c.current.Load().Leaf.NotAfter }

// tlsConfig is what listeners use. A client certificate is asked for and never
// required; from judges it where it counts.
func (c *certificates) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		ClientAuth:                  tls.RequestClientCert,
		NextProtos:                  []string{"atProtocol/1.0"},
		DynamicRecordSizingDisabled: true, // a reply must not be cut into records
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}
