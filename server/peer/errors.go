package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// ErrUnknown says that the directory knows no such atSign. It is definite, all other failures but error replies may
// pass.
var ErrUnknown = wire.ErrNoAddress

// Why names what failed.
type Why string

const (
	NoDirectory  Why = "directory" // the directory did not answer
	NoConnection Why = "connect"   // TCP or TLS
	NoProof      Why = "handshake" // from and pol
	NoReply      Why = "reply"     // the connection broke, or what came was no reply
	Silent       Why = "silence"   // nothing came in time
	Full         Why = "full"      // all connections are in use
)

// Error is a failure to get any reply from a peer.
type Error struct {
	Of      atkey.Sign
	Why     Why
	Address string        // where it is, if that is known
	After   time.Duration // of Silent
	Err     error         // for logs; names nothing that was asked
}

func (e *Error) Error() string {
	return fmt.Sprintf("server of %s at %s: %s: %v", e.Of, e.Address, e.Why, e.Err)
}

// Is looks at the cause. As does not: an error reply on the way, to from say, is no reply to what was asked.
func (e *Error) Is(target error) bool { return errors.Is(e.Err, target) }

var (
	errSilent = errors.New("nothing came in time")
	errClosed = errors.New("this server ends")
	errFull   = errors.New("all connections are in use")
)

// failure says what err, met on the way to a peer, comes to. What is definite stays as it is.
func failure(of atkey.Sign, why Why, address string, err error, after time.Duration) error {
	var known *Error
	switch {
	case errors.As(err, &known), errors.Is(err, ErrUnknown):
		return err
	case errors.Is(err, errSilent), errors.Is(err, context.DeadlineExceeded):
		why = Silent
	}
	return &Error{Of: of, Why: why, Address: address, After: after, Err: err}
}

// isReply tells whether a request came to an end in good order, if with an error reply, or never was on its way.
func isReply(err error) bool {
	var reply *wire.Error
	return err == nil || errors.As(err, &reply) || errors.Is(err, wire.ErrLineTooLong)
}
