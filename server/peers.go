package server

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"strconv"
	"time"

	"atserver/server/peer"
	"atserver/store/atkey"
	"atserver/verbs"
)

// peers lets verbs ask the servers of other atSigns, and words what fails.
type peers struct{ *peer.Pool }

func (p peers) Ask(ctx context.Context, of atkey.Sign, proven bool, line string) (string, error) {
	payload, err := p.Pool.Ask(ctx, of, proven, line)
	var failed *peer.Error
	switch {
	case errors.Is(err, peer.ErrUnknown):
		return "", verbs.ErrNoAddress(of)
	case !errors.As(err, &failed):
		return payload, err
	}
	return "", peerError(failed)
}

// peerError is what a client is told of a failure to reach another server.
func peerError(e *peer.Error) error {
	switch e.Why {
	case peer.NoDirectory:
		return verbs.ErrNoDirectory
	case peer.NoProof:
		return verbs.ErrHandshake(e.Of)
	case peer.NoReply:
		return verbs.ErrUnexpected(e.Of)
	case peer.Silent:
		return verbs.ErrSilent(e.Of, e.Address, strconv.FormatInt(e.After.Milliseconds(), 10))
	case peer.Full:
		return verbs.ErrOutboundFull
	}
	return verbs.ErrNoConnection(e.Of, e.Address)
}

// openPeers makes what reaches the directory and other servers.
func (s *Server) openPeers() {
	o := s.options
	network := peer.Network{
		Trust: s.trust, Now: o.Now, Silence: o.PeerSilence,
		Certificate: func() tls.Certificate { return *s.shown.current.Load() },
	}
	s.resolver = peer.NewResolver(peer.ResolverOptions{
		Directory: o.Directory, Locals: peer.Locals(o.PeerAddresses), Network: network, Now: o.Now, Log: o.Log,
	})
	pool := peer.Options{
		Self: o.Sign, Resolver: s.resolver, Network: network, Keys: signingKeys{s.db, o.Sign},
		Learned: s.learn, Limit: o.MaxOutbound, Idle: o.OutboundIdle, Now: o.Now, Log: o.Log,
	}
	s.peers = peer.NewPool(pool)
	pool.Pause = time.Second // the outbox has pauses of its own
	s.carriers = peer.NewPool(pool)
}

// pools names the connections to other servers by what they are for.
func (s *Server) pools() map[string]*peer.Pool {
	return map[string]*peer.Pool{"apps": s.peers, "notifications": s.carriers}
}

// learn keeps the public key that another atSign shows.
func (s *Server) learn(of atkey.Sign, record string) {
	if err := s.env.LearnPublicKey(of, record); err != nil {
		s.options.Log.Warn().Str(fieldPeer, string(of)).Err(err).Msg("Public key of a peer not kept")
	}
}

// closePeers ends what openPeers made.
func (s *Server) closePeers() {
	if s.peers != nil {
		s.refresher.stop()
		s.peers.Close()
		s.carriers.Close()
		s.resolver.Close()
	}
}

// clientCert tells of the certificate that is shown to other servers.
func (s *Server) clientCert() verbs.ClientCert {
	var told verbs.ClientCert
	for _, der := range s.shown.current.Load().Certificate {
		told.Chain += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	told.ChainChanged, told.KeyChanged = changed(s.shown.certFile), changed(s.shown.keyFile)
	return told
}

// changed is when a file was written, zero if it is not there.
func changed(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
