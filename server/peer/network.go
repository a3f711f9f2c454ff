package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Network is how the directory and other servers are reached.
type Network struct {
	Trust       *x509.CertPool         // nil: the system's
	Certificate func() tls.Certificate // shown to who asks for one; nil: none
	Silence     time.Duration          // how long the other side may say nothing; default 10 s
	Now         func() time.Time       // for the validity of certificates
}

// errLocal refuses an address in the local network that a directory outside of it names.
var errLocal = errors.New("the address is in a local network, which a public directory has no business to name")

// dial makes a TLS connection whose certificate is for the host of the address, which may be one of the local network
// only if local says so. The address that counts is the one that a name leads to in the end.
func (n Network) dial(ctx context.Context, address string, local bool) (*tls.Conn, *ear, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, err
	}
	dialer := net.Dialer{Control: func(_, resolved string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(resolved); !local && (err != nil || isLocal(at.Addr())) {
			return errLocal
		}
		return nil
	}}
	limited, cancel := context.WithTimeoutCause(ctx, n.Silence, errSilent)
	raw, err := dialer.DialContext(limited, "tcp", address)
	if err != nil && limited.Err() != nil {
		err = context.Cause(limited)
	}
	cancel()
	if err != nil {
		return nil, nil, err
	}
	e := &ear{Conn: raw, silence: n.Silence}
	cfg := &tls.Config{ServerName: host, RootCAs: n.Trust, MinVersion: tls.VersionTLS12, Time: n.Now}
	if n.Certificate != nil {
		// offered whatever authorities the other side names
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert := n.Certificate()
			return &cert, nil
		}
	}
	conn := tls.Client(e, cfg)
	if err := e.during(ctx, n.Silence, conn.HandshakeContext); err != nil {
		raw.Close()
		return nil, nil, err
	}
	return conn, e, nil
}

// isLocal tells whether an address is of this machine or of a network that is not public.
func isLocal(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsGlobalUnicast() || a.IsPrivate() || shared.Contains(a)
}

// shared is the address space between carriers and their customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// ear is a connection that notices when nothing arrives for long. One goroutine uses it at a time.
type ear struct {
	net.Conn
	silence time.Duration
	timer   *time.Timer
}

func (e *ear) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if n > 0 && e.timer != nil {
		e.timer.Reset(e.silence)
	}
	return n, err
}

// during runs f, whose context ends when nothing has arrived for too long. How long it may take until the first byte is
// for the caller to say.
func (e *ear) during(ctx context.Context, first time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.timer = time.AfterFunc(first, func() { cancel(errSilent) })
	defer e.timer.Stop()
	err := f(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (n Network) withDefaults() Network {
	if n.Silence == 0 {
		n.Silence = 10 * time.Second
	}
	if n.Now == nil {
		n.Now = time.Now
	}
	return n
}
