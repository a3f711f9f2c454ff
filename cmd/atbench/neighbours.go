package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"atserver/store/atkey"
)

// neighbours are servers that find one another, and others who never answer,
// through a directory.
type neighbours struct {
	servers map[atkey.Sign]*atserver
	mute    net.Listener // at which those are that never answer
	ended   []func()
}

// startNeighbours starts a server for each atSign, onboarded, and a directory.
func startNeighbours(ctx context.Context, dir, binary string, unreachable int, signs ...atkey.Sign) (_ *neighbours, err error) {
	n := &neighbours{servers: map[atkey.Sign]*atserver{}}
	defer func() {
		if err != nil {
			n.stop()
		}
	}()
	authority, err := issue(filepath.Join(dir, "tls"))
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	trusted := []string{"--cert", authority.CertFile(), "--key", authority.KeyFile()}
	var entries strings.Builder
	for _, sign := range signs {
		s, err := newServer(filepath.Join(dir, string(sign)), binary, sign, maxBusy,
			append(trusted, "--trust", authority.CAFile(), "--directory", byName(address))...)
		if err != nil {
			return nil, err
		}
		s.ca = authority.CAFile()
		if err := s.start(ctx); err != nil {
			return nil, err
		}
		n.servers[sign], n.ended = s, append(n.ended, s.stop)
		if err := s.onboard(ctx); err != nil {
			return nil, err
		}
		fmt.Fprintf(&entries, "%s=%s\n", sign, byName(s.address))
	}
	if n.mute, err = listenMute(unreachable); err != nil {
		return nil, err
	}
	n.ended = append(n.ended, func() { n.mute.Close() })
	for i := range unreachable {
		fmt.Fprintf(&entries, "%s=%s\n", unreachableSign(i), byName(n.mute.Addr().String()))
	}
	file := filepath.Join(dir, "entries")
	if err := os.WriteFile(file, []byte(entries.String()), 0o600); err != nil {
		return nil, err
	}
	directory, err := start(ctx, filepath.Join(dir, "directory"), lastWord, binary,
		append([]string{"directory", "--listen", address, "--entries", file}, trusted...)...)
	if err != nil {
		return nil, err
	}
	n.ended = append(n.ended, directory.stop)
	return n, nil
}

// stop ends them, the last one first.
func (n *neighbours) stop() {
	for len(n.ended) > 0 {
		last := len(n.ended) - 1
		n.ended[last]()
		n.ended = n.ended[:last]
	}
}

func unreachableSign(i int) string { return fmt.Sprintf("@unreachable%d", i) }

// byName is a local address with the name that certificates are for.
func byName(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return net.JoinHostPort("localhost", port)
}

// listenMute accepts twice as many connections as there are atSigns there and
// never says anything on any.
func listenMute(signs int) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mute{Listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.hold(conn, 2*signs)
		}
	}()
	return m, nil
}

// mute is a listener that ends with its connections.
type mute struct {
	net.Listener
	mu   sync.Mutex
	held []net.Conn
}

// hold keeps a connection, and lets go of the oldest when there are too many.
func (m *mute) hold(conn net.Conn, most int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = append(m.held, conn)
	if len(m.held) > most {
		m.held[0].Close()
		m.held = m.held[1:]
	}
}

// Close ends all.
func (m *mute) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range m.held {
		conn.Close()
	}
	m.held = nil
	return m.Listener.Close()
}
