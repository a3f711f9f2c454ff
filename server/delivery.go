package server

import (
	"context"

	"atserver/server/notify"
	"atserver/store"
	"atserver/verbs"
)

// newOutbox delivers what the owner's apps tell others.
func (s *Server) newOutbox() *notify.Outbox {
	by := s.options.Peers
	if by == nil {
		by = s.carriers
	}
	return notify.NewOutbox(notify.Options{
		DB: s.db, Peers: by, Now: s.options.Now, Log: s.options.Log,
		Judge: func(err error) notify.Verdict {
			switch {
			case verbs.IsFinal(err):
				return notify.Never
			case verbs.IsNotUnderstood(err):
				return notify.Simpler
			}
			return notify.Again
		},
	})
}

// deliver runs the outbox until ctx ends.
func (s *Server) deliver(ctx context.Context) {
	if err := s.outbox.Run(ctx); err != nil {
		s.options.Log.Error().Err(err).Msg("Notifications that wait were not found")
	}
}

// changed is told of each record that was put or deleted. What the server writes for
// itself, as signatures for other servers to look up, is nobody's to sync.
func (s *Server) changed(c store.Change) {
	if c.ID >= 0 || c.By != bySelf {
		s.hub.Changed(c)
	}
}

// notified is told of each notification that was kept.
func (s *Server) notified(n store.Notification) {
	if n.Type == store.Sent {
		s.outbox.Wake(n.To)
	} else {
		s.hub.Publish(n)
	}
}
