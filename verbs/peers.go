package verbs

import (
	"context"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// Peers are the servers of other atSigns.
type Peers interface {
	// Ask sends one command to the server of an atSign and returns the payload of its
	// reply. With proven that server knows which atSign asks. An error reply is a
	// *wire.Error, any other failure one of those below.
	Ask(ctx context.Context, of atkey.Sign, proven bool, line string) (string, error)
	// Open counts the connections to them.
	Open() int
}

// Failures to reach the server of another atSign.

func ErrNoConnection(sign atkey.Sign, address string) *Error {
	return &Error{Code: "AT0004", Message: "no connection to the server of " + string(sign) + " at " + address}
}

func ErrHandshake(sign atkey.Sign) *Error {
	return &Error{Code: "AT0008", Message: "from and pol with the server of " + string(sign) + " failed"}
}

func ErrSilent(sign atkey.Sign, address, millis string) *Error {
	return &Error{Code: "AT0023", Message: "No response after " + millis + " millis from remote secondary " + string(sign) + " at " + address}
}

func ErrUnexpected(sign atkey.Sign) *Error {
	return &Error{Code: "AT0011", Message: "Unexpected response from the server of " + string(sign)}
}

// ErrOutboundFull says that all connections to other servers are in use.
var ErrOutboundFull = &Error{Code: "AT0006", Message: "max limit reached on outbound pool"}

// relayed is the error reply of another server, in the words of that server. A code
// that the protocol does not have is none.
func relayed(e *wire.Error) *Error {
	if wire.Text(e.Code) == "" {
		return &Error{Code: "AT0011", Message: "Unexpected response from the other server"}
	}
	return &Error{Code: e.Code, Message: e.Text}
}
