package server

// Reason says why a connection ended. Every end has one, logged and counted.
type Reason uint32

const (
	Unknown     Reason = iota
	ClientGone         // the other side closed
	ClientExit         // it said so
	Refused            // a reply ended it: failed proofs, a dead enrollment, malformed input
	Overflow           // a command too long, or no memory for long commands
	Ended              // its enrollment was revoked or has expired
	Idle               // silent for too long
	Slow               // did not read its replies
	Full               // no place, or made way for another
	NoHandshake        // TLS did not come about
	Broken             // the network failed
	Panicked           // our mistake
	Shutdown           // the server stops
	SlowMonitor        // did not read what it asked to be told
	reasons            // how many there are
)

var reasonNames = [reasons]string{
	"unknown", "client gone", "client exit", "refused", "overflow", "ended", "idle", "slow", "full",
	"no handshake", "broken", "panicked", "shutdown", "slow monitor",
}

func (r Reason) String() string {
	if r >= reasons {
		r = Unknown
	}
	return reasonNames[r]
}
