package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"atserver/server"
	"atserver/server/directory"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

const readyTimeout = 30 * time.Second // until all parts of a network answer

// network is a directory and the servers that it knows, in one process.
type network struct {
	name             string // host that all are reached by
	members          []*member
	peerCertificates bool
	log              zerolog.Logger
	room             room // of each member

	folder string
	kept   bool // the folder outlives the process

	certificate *certificate
	directory   *directory.Directory
	door        net.Listener // of the directory
	address     string       // of the directory, as clients dial it
	running     bool         // the servers close themselves
}

// member is one atSign of a network.
type member struct {
	sign    atkey.Sign
	port    int
	secret  string // given for onboarding, "" if none was
	testing bool
	folder  string
	made    bool // a secret was made and handed over just now

	listener net.Listener
	address  string // as clients dial it
	server   *server.Server
}

// listen takes all ports before anything is made or opened.
func (n *network) listen(host string, port int) (err error) {
	if n.door, n.address, err = n.listenAt(host, port); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	for _, m := range n.members {
		if m.listener, m.address, err = n.listenAt(host, m.port); err != nil {
			return fmt.Errorf("%s: %w", m.sign, err)
		}
	}
	return nil
}

func (n *network) listenAt(host string, port int) (net.Listener, string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, "", err
	}
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	return l, net.JoinHostPort(n.name, taken), nil
}

// open makes the authority, the directory and the servers: all of them, unless ctx ends.
func (n *network) open(ctx context.Context, entries string) (err error) {
	if n.certificate, err = makeCertificate(filepath.Join(n.folder, "tls"), n.name, n.log); err != nil {
		return err
	}
	n.directory, err = directory.New(directory.Options{EntriesFile: entries, TLS: n.certificate.tls(), Log: n.log})
	if err != nil {
		return err
	}
	opening, ctx := errgroup.WithContext(ctx)
	opening.SetLimit(runtime.GOMAXPROCS(0)) // new signing keys take their time
	for _, m := range n.members {
		opening.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			err := n.directory.Set(m.sign, m.address)
			if err == nil {
				err = n.openMember(m)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", m.sign, err)
			}
			return nil
		})
	}
	return opening.Wait()
}

func (n *network) openMember(m *member) (err error) {
	dir := "" // in memory
	if n.kept {
		dir = m.folder
	}
	authority := n.certificate.authority
	m.server, err = server.New(server.Options{
		Sign: m.sign, Dir: dir,
		CRAMSecret: m.secret, Onboarded: func() { m.file().discard(n.log) },
		Deliver: func(secret string) error {
			m.made = true
			return m.file().deliver(m.sign, secret)
		},
		CertFile: authority.CertFile(), KeyFile: authority.KeyFile(), TrustFile: authority.CAFile(),
		Name: n.name, Directory: n.address, PeerCertificates: n.peerCertificates, TestingMode: m.testing,
		LineBudget: n.room.lineBudget, MaxConnections: n.room.connections,
		Log: n.log.With().Str("server", string(m.sign)).Logger(),
	})
	if err != nil {
		return err
	}
	if m.secret != "" || !m.server.AwaitsOnboarding() {
		m.file().discard(n.log)
	}
	return noteAddress(m.folder, m.listener.Addr().String())
}

// run serves until ctx ends or any part fails, and returns what failed first. ready is called once all answer.
func (n *network) run(ctx context.Context, ready func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var first sync.Once
	var failed error
	n.running = true
	fail := func(err error) {
		if err != nil {
			first.Do(func() { failed = err })
			cancel()
		}
	}
	// The servers may ask the directory to their end.
	afterwards, end := context.WithCancel(context.WithoutCancel(ctx))
	var directory, servers sync.WaitGroup
	directory.Go(func() { fail(n.directory.Run(afterwards, n.door)) })
	for _, m := range n.members {
		servers.Go(func() {
			if err := m.server.Run(ctx, m.listener); err != nil {
				fail(fmt.Errorf("%s: %w", m.sign, err))
			}
			n.directory.Remove(m.sign)
		})
	}
	err := n.answers(ctx)
	if err == nil {
		err = ready()
	}
	if ctx.Err() == nil { // else it was told to end before all answered
		fail(err)
	}
	n.warnOfName(ctx)
	<-ctx.Done()
	servers.Wait()
	end()
	directory.Wait()
	return failed
}

// answers asks everybody, and the directory about everybody, as clients would.
func (n *network) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	pem, err := os.ReadFile(n.certificate.authority.CAFile())
	if err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	trust := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: n.name}
	trust.RootCAs.AppendCertsFromPEM(pem)
	for _, m := range n.members {
		if err := n.answersFor(ctx, m, trust); err != nil {
			return fmt.Errorf("%s does not answer: %w", m.sign, err)
		}
	}
	return nil
}

func (n *network) answersFor(ctx context.Context, m *member, trust *tls.Config) error {
	door, err := reachable(n.door.Addr().String())
	if err != nil {
		return err
	}
	known, err := wire.LookupDirectory(ctx, door, trust, string(m.sign))
	if err != nil {
		return err
	}
	if known != m.address {
		return fmt.Errorf("it is at %s, the directory says %s", m.address, known)
	}
	address, err := reachable(m.listener.Addr().String())
	if err != nil {
		return err
	}
	return asksServer(ctx, address, trust)
}

// warnOfName tells when the name means nothing here: each server finds the directory and the others by it.
func (n *network) warnOfName(ctx context.Context) {
	if _, err := net.DefaultResolver.LookupHost(ctx, n.name); err != nil && ctx.Err() == nil {
		n.log.Warn().Err(err).Msg("The name of the network is not known on this machine: its atSigns cannot find each other")
	}
}

// close leaves what was taken and never ran, and the folder if it is not to be kept.
func (n *network) close() {
	if n.door != nil {
		n.door.Close()
	}
	for _, m := range n.members {
		if m.listener != nil {
			m.listener.Close()
		}
		if m.server == nil || n.running {
			continue
		}
		if err := m.server.Close(); err != nil {
			n.log.Error().Err(err).Str("server", string(m.sign)).Msg("Store not closed")
		}
	}
	if !n.kept && n.folder != "" {
		os.RemoveAll(n.folder)
	}
}

// file is where a CRAM secret that was made waits.
func (m *member) file() secretFile { return secretFile(filepath.Join(m.folder, "cram.secret")) }

// whereSecret tells how somebody comes by the CRAM secret.
func (m *member) whereSecret() string {
	switch {
	case !m.server.AwaitsOnboarding():
		return "used up"
	case m.secret != "":
		return "as given"
	case m.file().waits():
		return string(m.file())
	case m.made:
		return "shown above"
	}
	return "shown at the first start"
}
