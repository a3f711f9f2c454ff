package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"
)

// dialTimeout is for one connection, its login included, on a busy machine.
const dialTimeout = 30 * time.Second

// target is a process that takes load.
type target struct {
	*process
	trust   *tls.Config
	welcome func(*stream) error // makes a fresh connection ready for load
}

// trusting is TLS that believes a certificate authority.
func trusting(caFile string) (*tls.Config, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13, DynamicRecordSizingDisabled: true}, nil
}

// dial connects and makes the connection ready.
func (t *target) dial(ctx context.Context) (*stream, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: t.trust}).DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn}
	conn.SetDeadline(time.Now().Add(dialTimeout))
	if err := t.welcome(s); err != nil {
		conn.Close()
		return nil, fmt.Errorf("log in: %w", err)
	}
	conn.SetDeadline(time.Time{})
	return s, nil
}

// streams are connections to one target.
type streams []*stream

// dialAll opens n connections, a few at a time.
func (t *target) dialAll(ctx context.Context, n int) (streams, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make(streams, n)
	turns := make(chan int)
	var dialers sync.WaitGroup
	for range min(n, 4) {
		dialers.Go(func() {
			for i := range turns {
				var err error
				if all[i], err = t.dial(ctx); err != nil {
					cancel(err) // the first counts
				}
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	dialers.Wait()
	if err := context.Cause(ctx); err != nil {
		all.close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return all, nil
}

func (all streams) close() {
	for _, s := range all {
		if s != nil {
			s.conn.Close()
		}
	}
}
