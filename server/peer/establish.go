package peer

import (
	"context"
	"errors"

	"atserver/store/atkey"
)

// establish finds a peer, connects to it, and does what comes first on each connection.
func (p *Pool) establish(ctx context.Context, to id) (*link, error) {
	l, err := p.reach(ctx, to.of)
	if err != nil {
		return nil, err
	}
	// Whatever the answer is, the connection goes on, unless it broke.
	record, err := l.ask(ctx, "lookup:all:publickey"+string(to.of))
	if !isReply(err) {
		l.conn.Close()
		return nil, failure(to.of, NoReply, l.address, err, p.o.Network.Silence)
	}
	if err == nil && p.o.Learned != nil {
		p.o.Learned(to.of, record)
	}
	if to.proven {
		if err := l.prove(ctx, p.o.Self, to.of, p.o.Keys); err != nil {
			l.conn.Close()
			return nil, failure(to.of, NoProof, l.address, err, p.o.Network.Silence)
		}
	}
	return l, nil
}

// reach connects to a peer where the directory says it is. When nobody is met there, and the directory was asked long
// ago, it is asked anew: the peer may have moved.
func (p *Pool) reach(ctx context.Context, of atkey.Sign) (*link, error) {
	place, err := p.o.Resolver.Resolve(ctx, of)
	if err != nil {
		return nil, failure(of, NoDirectory, p.o.Resolver.o.Directory, err, p.o.Network.Silence)
	}
	l, err := p.o.Network.connect(ctx, place.Address, place.local)
	if err == nil {
		return l, nil
	}
	if ctx.Err() == nil && !errors.Is(err, errLocal) {
		p.o.Resolver.Doubt(of, place)
	}
	if place.cached && ctx.Err() == nil {
		moved, failed := p.o.Resolver.Resolve(ctx, of)
		if errors.Is(failed, ErrUnknown) {
			return nil, failed
		}
		if failed == nil && moved.Address != place.Address {
			place = moved
			l, err = p.o.Network.connect(ctx, place.Address, place.local)
		}
	}
	if err != nil {
		return nil, failure(of, NoConnection, place.Address, err, p.o.Network.Silence)
	}
	return l, nil
}
