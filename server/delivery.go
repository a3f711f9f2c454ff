package server

import (
	"context"

	"atserver/server/notify"
	"atserver/store"
	"atserver/verbs"
)

// newOutbox delivers what the owner's apps tell others, if others can be reached.
func (s *Server) newOutbox() *notify.Outbox {
	var others notify.Asker = s.peers
	if s.options.Peers != nil {
		others = s.options.Peers
	}
	return notify.NewOutbox(notify.Options{
		DB: s.db, Peers: others, Now: s.options.Now, Log: s.options.Log,
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
	if s.outbox == nil {
		return
	}
	if err := s.outbox.Run(ctx); err != nil {
		s.options.Log.Error().Err(err).Msg("Notifications that wait were not found")
	}
}

// notified is told of each notification that was kept.
func (s *Server) notified(n store.Notification) {
	switch {
	case n.Type != store.Sent:
		s.hub.Publish(n)
	case s.outbox != nil:
		s.outbox.Wake(n.To)
	}
}
