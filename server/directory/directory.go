package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

const (
	maxConns      = 512 // more are closed at once
	maxPerAddress = maxConns / 2
	// minPause and maxPause bound how long accepting rests after a failure, such as want of file descriptors.
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// Options says what a directory serves, and how.
type Options struct {
	Entries     map[atkey.Sign]string // "host:port" by atSign; copied
	EntriesFile string                // a file with more; it wins over Entries; "" is none
	TLS         *tls.Config           // with the certificate; clients are not asked for theirs; not changed
	Idle        time.Duration         // how long a client may take for a request; 0 is a minute
	Now         func() time.Time      // says when to look at the file again; nil is time.Now
	Log         zerolog.Logger
}

// Directory is an atDirectory.
type Directory struct {
	entries entries
	tls     *tls.Config
	idle    time.Duration
	log     zerolog.Logger
}

// New checks the options and reads the entries file. An error is one line and names what is wrong.
func New(o Options) (*Directory, error) {
	if o.TLS == nil {
		return nil, errors.New("directory needs a TLS configuration")
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Directory{
		entries: entries{given: o.Entries, path: o.EntriesFile, now: o.Now, log: o.Log},
		tls:     o.TLS.Clone(),
		idle:    o.Idle,
		log:     o.Log,
	}
	d.tls.MinVersion = max(d.tls.MinVersion, tls.VersionTLS12)
	d.tls.ClientAuth = tls.NoClientCert
	d.tls.NextProtos = nil
	d.tls.DynamicRecordSizingDisabled = true
	if err := d.entries.open(); err != nil {
		return nil, err
	}
	return d, nil
}

// Run serves plain connections accepted from l, which it closes, until ctx ends; then it closes what is still open and
// returns nil. It fails only if the listener is closed by others.
func (d *Directory) Run(ctx context.Context, l net.Listener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()

	places := places{taken: make(map[string]int)}
	pause := minPause
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("directory: %w", err)
		default:
			d.log.Warn().Err(err).Msg("directory cannot accept a connection")
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, maxPause)
			continue
		}
		pause = minPause
		leave, ok := places.take(conn.RemoteAddr())
		if !ok {
			conn.Close()
			d.log.Warn().Stringer("from", conn.RemoteAddr()).Msg("directory has no place for a connection")
			continue
		}
		conns.Go(func() {
			defer leave()
			d.guard(ctx, conn)
		})
	}
}

// Set enters an atSign with the "host:port" of its server, or changes that, for requests from now on. What the entries
// file says of it wins all the same.
func (d *Directory) Set(sign atkey.Sign, address string) error { return d.entries.set(sign, address) }

// Remove strikes an atSign out, unless the entries file lists it. Removing one that is not there is no mistake.
func (d *Directory) Remove(sign atkey.Sign) { d.entries.remove(sign) }

// guard serves one connection and keeps its faults to itself.
func (d *Directory) guard(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer func() {
		if fault := recover(); fault != nil {
			d.log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("directory connection failed")
		}
	}()
	if err := d.serve(ctx, conn); err != nil {
		d.log.Debug().Err(err).Stringer("from", conn.RemoteAddr()).Msg("directory connection ended")
	}
}
