package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"atserver/store/atkey"
	"atserver/verbs"
	"atserver/verbs/wire"
)

// peerCheck returns the rule for connections that claim to come from another
// atSign: they must show a certificate for exactly the host that the directory
// names, from an authority that we trust, whatever use it was issued for (public
// authorities no longer issue any for clients). Whoever does is back, if it could not
// be reached before, and is about to be asked for its proof.
func (s *Server) peerCheck(conn *tls.Conn) func(context.Context, atkey.Sign) error {
	if !s.options.PeerCertificates {
		return nil
	}
	return func(ctx context.Context, peer atkey.Sign) error {
		chain := conn.ConnectionState().PeerCertificates
		if len(chain) == 0 {
			return verbs.ErrPeerCertificate
		}
		others := x509.NewCertPool()
		for _, c := range chain[1:] {
			others.AddCert(c)
		}
		if _, err := chain[0].Verify(x509.VerifyOptions{
			Roots: s.trust, Intermediates: others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, CurrentTime: s.options.Now(),
		}); err != nil {
			return verbs.ErrPeerCertificate
		}
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		place, err := s.resolver.Resolve(ctx, peer)
		if errors.Is(err, wire.ErrNoAddress) {
			return verbs.ErrNoAddress(peer)
		}
		if err != nil {
			return verbs.ErrNoDirectory
		}
		if host, _, err := net.SplitHostPort(place.Address); err != nil || !isFor(chain[0], host) {
			return verbs.ErrPeerCertificate
		}
		s.peers.Seen(peer)
		return nil
	}
}

// isFor tells whether a certificate names a host exactly, without wildcards.
func isFor(c *x509.Certificate, host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(c.IPAddresses, ip.Equal)
	}
	return slices.ContainsFunc(c.DNSNames, func(name string) bool { return strings.EqualFold(name, host) })
}

// readTrust returns the authorities of a PEM file; nil means the system's.
func readTrust(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("trusted authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("trusted authorities: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}
