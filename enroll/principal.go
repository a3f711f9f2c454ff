package enroll

import (
	"fmt"

	"atserver/store/atkey"
)

// Kind says what somebody proved to be. Kinds are bits, so that a verb states
// whom it admits as one value.
type Kind uint8

const (
	Anonymous Kind = 1 << iota // proved nothing
	Peer                       // another atSign's server
	CRAM                       // holds the bootstrap secret; may do the bootstrap verbs only
	App                        // an enrollment, the owner's first one included
	Operator                   // on the local socket; never reads values

	Anyone = Anonymous | Peer | CRAM | App
	Owner  = CRAM | App // what the protocol calls authenticated
)

// Principal is who acts. The zero value is nobody and may do nothing.
type Principal struct {
	Kind       Kind
	Sign       atkey.Sign // whom it speaks for: the peer's atSign, else this server's
	Enrollment string     // set for App, and for CRAM once it has enrolled an app
}

// Actor names p in audit entries and logs.
func (p Principal) Actor() string {
	switch p.Kind {
	case App:
		return p.Enrollment
	case CRAM:
		return "cram"
	case Peer:
		return string(p.Sign)
	case Operator:
		return "operator"
	}
	return "anonymous"
}

// Refusal says that a principal may not do what it asked.
type Refusal struct {
	Principal Principal
	Need      Need
	Reason    string // safe to show; "" where the need says it all
}

func (e *Refusal) Error() string {
	if key := e.Need.key.String(); key != "" {
		return fmt.Sprintf("%s is not authorized for %s", e.Principal.Actor(), key)
	}
	return fmt.Sprintf("%s is not authorized", e.Principal.Actor())
}

// StateError says that an enrollment is in no state to act. Status is Expired
// for one that is unknown, too: strangers cannot tell the two apart.
type StateError struct {
	Enrollment string
	Status     Status
}

func (e *StateError) Error() string {
	return fmt.Sprintf("enrollment %s is %s", e.Enrollment, e.Status)
}
