package verbs

import (
	"context"
	"time"

	"atserver/enroll"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// Session is what is known of one connection. It belongs to the goroutine that
// reads the connection, so it needs no lock.
type Session struct {
	ID        string           // "_" and a UUID, the same for the whole connection
	From      string           // address of the other side, without its port
	Principal enroll.Principal // whom it proved to be

	// CheckPeer judges the client certificate of a connection that claims to
	// come from another atSign. Nil accepts every claim: it still must be proved.
	CheckPeer func(context.Context, atkey.Sign) error

	// Stay keeps the connection for a while although its enrollment ends, so that
	// an app which ends itself gets its answer; 0 takes that back. Nil: it does not.
	Stay func(time.Duration)

	// Turn waits for the memory of a large reply, of so many bytes; ErrBusy if it
	// does not come. The first one asked for serves the whole command. Nil: there is
	// no need to wait.
	Turn func(ctx context.Context, bytes int) error

	// Monitor begins to tell the client of what happens, once the command is
	// answered. Nil: the client cannot be told.
	Monitor func(*Watch)

	// SendReady sends the answers that are ready, before a command that turns out to
	// wait for another server. Nil: they do not wait.
	SendReady func()

	bare      bool             // so that replies have no prompt
	own       enroll.Challenge // of the last from with this server's atSign
	peer      enroll.Challenge // of the last from with another one
	claimed   atkey.Sign       // the other one
	failures  int              // proofs that failed
	requests  []time.Time      // enrollment requests that still count
	jsonError bool             // the client announced that it reads errors as JSON
}

// maxFailures is how many failed proofs end a connection.
const maxFailures = 3

// NewSession returns the session of a fresh connection.
func NewSession(from string) *Session {
	return &Session{
		ID: "_" + enroll.NewID(), From: from,
		Principal: enroll.Principal{Kind: enroll.Anonymous},
	}
}

// owner reports whether the connection is what the protocol calls authenticated.
func (s *Session) owner() bool { return s.Principal.Kind&enroll.Owner != 0 }

// sendReady is SendReady, where there is one.
func (s *Session) sendReady() {
	if s.SendReady != nil {
		s.SendReady()
	}
}

// prompt ends replies. Errors towards another atSign end in a bare "@", but for
// those in the third shape. Among notifications there is none: clients would take
// it for the beginning of the next one.
func (s *Session) prompt(failed bool) string {
	if s.bare {
		return ""
	}
	if s.owner() || s.Principal.Kind == enroll.Peer && !failed {
		return wire.Prompt(string(s.Principal.Sign))
	}
	return wire.Prompt("")
}

// failed notes a failed proof: whoever it was, it is nobody now. The third one
// ends the connection.
func (s *Session) failed(e *Error) *Error {
	s.Principal = enroll.Principal{Kind: enroll.Anonymous}
	if s.failures++; s.failures >= maxFailures {
		e.Close = true
	}
	return e
}
