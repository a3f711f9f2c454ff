package peer

import (
	"context"
	"time"

	"atserver/verbs/wire"
)

// link is one connection to a peer. One goroutine uses it at a time.
type link struct {
	conn    *wire.Conn
	ear     *ear
	address string
	used    time.Time // when the last request was sent
}

// slowest is how many bytes of a request a link carries in a second at least. A value of 10 MB takes minutes on the way up
// from many homes, and most of that after it was written, out of the buffers of the system.
const slowest = 64 << 10

// underway is how long a request may take to arrive.
func underway(line string) time.Duration { return time.Duration(len(line)) * time.Second / slowest }

// ask sends one request and awaits its reply. After any error but an error reply the link is of no more use.
func (l *link) ask(ctx context.Context, line string) (reply string, err error) {
	err = l.ear.during(ctx, l.ear.silence+underway(line), func(ctx context.Context) (err error) {
		reply, err = l.conn.Ask(ctx, line)
		return err
	})
	return reply, err
}

// connect makes a connection and awaits the greeting.
func (n Network) connect(ctx context.Context, address string, local bool) (*link, error) {
	conn, e, err := n.dial(ctx, address, local)
	if err != nil {
		return nil, err
	}
	l := &link{ear: e, address: address}
	err = e.during(ctx, n.Silence, func(ctx context.Context) (err error) {
		l.conn, err = wire.NewConn(ctx, conn)
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}
