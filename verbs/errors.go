package verbs

import (
	"errors"
	"fmt"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// Error is a failure as the client is told of it. Its message is safe to show.
type Error struct {
	Code    string
	Message string
	Close   bool  // the connection ends
	Colon   bool  // told in the third shape, for refusals by enrollment state
	Cause   error // for the log only
}

func (e *Error) Error() string { return e.Code + " " + e.Message }
func (e *Error) Unwrap() error { return e.Cause }

// errSyntax tells define that the arguments do not fit the grammar.
var errSyntax = errors.New("arguments do not fit the grammar")

// Failures that come from outside the verbs.
var (
	ErrPeerCertificate = &Error{Code: "AT0401", Message: "Certificate Verification Failed"}
	ErrNoDirectory     = &Error{Code: "AT0011", Message: "Exception: the directory is not reachable"}
	ErrPanic           = &Error{Code: "AT0011", Message: "Exception: internal failure", Close: true}
)

// ErrNoAddress says that the directory does not know an atSign.
func ErrNoAddress(sign atkey.Sign) *Error {
	return &Error{Code: "AT0007", Message: "Unable to find secondary address for atSign:" + string(sign)}
}

func syntaxError(message string) *Error { return &Error{Code: "AT0003", Message: message} }

// invalidCommand answers what is no verb at all.
func invalidCommand() *Error { return syntaxError("invalid command") }

func illegal(message string) *Error { return &Error{Code: "AT0022", Message: message} }

func invalidKey(message string) *Error { return &Error{Code: "AT0016", Message: message} }

func illegalState(message string) *Error { return &Error{Code: "AT0032", Message: message} }

func notAllowed(message string) *Error { return &Error{Code: "AT0009", Message: message} }

func notAuthenticated(message string) *Error { return &Error{Code: "AT0401", Message: message} }

func notFound(key string) *Error {
	return &Error{Code: "AT0015", Message: key + " does not exist in keystore"}
}

// wrongType answers JSON of another shape than is asked for.
func wrongType(message string) *Error { return &Error{Code: "AT0010", Message: message} }

// malformed answers text that is no JSON. The protocol ends the connection then.
func malformed(what string) *Error {
	return &Error{Code: "AT0011", Message: "Exception: " + what + " is malformed", Close: true}
}

// asError is the only table from failures to codes. What it does not know is an
// internal failure, of which the client learns nothing.
func asError(err error) *Error {
	var known *Error
	var reply *wire.Error
	var refusal *enroll.Refusal
	var state *enroll.StateError
	var argument *enroll.ArgumentError
	var transition *enroll.TransitionError
	var conflict *enroll.ConflictError
	var decision *enroll.DecisionError
	var revision *enroll.RevisionError
	var sign *atkey.SignError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &reply):
		return relayed(reply)
	case errors.As(err, &refusal):
		return notAllowed(refused(refusal, ""))
	case errors.As(err, &state):
		return ended(state)
	case errors.As(err, &argument):
		return illegal(argument.Reason)
	case errors.As(err, &transition):
		return illegalState(transition.Error())
	case errors.As(err, &conflict):
		return illegalState(conflict.Reason)
	case errors.As(err, &decision):
		return &Error{Code: decisionCodes[decision.Why], Message: decision.Reason}
	case errors.As(err, &revision):
		return &Error{Code: "AT0011", Message: revision.Reason}
	case errors.Is(err, enroll.ErrThrottled):
		return &Error{Code: "AT0028", Message: "Enrollment requests have exceeded the limit within the specified time frame"}
	case errors.As(err, &sign):
		return &Error{Code: "AT0011", Message: sign.Error(), Close: true}
	case errors.Is(err, enroll.ErrStranded):
		return illegalState(enroll.ErrStranded.Error())
	case errors.Is(err, wire.ErrNotText):
		return syntaxError("a command is UTF-8 text without NUL and CR")
	case errors.Is(err, wire.ErrLineTooLong):
		return &Error{Code: "AT0005", Close: true, Message: fmt.Sprintf(
			"InboundBuffer overflow: server received request which exceeded the buffer size limit of %d bytes. Terminating the connection.", wire.MaxLine)}
	case errors.Is(err, wire.ErrBudget):
		return &Error{Code: "AT0005", Close: true,
			Message: "InboundBuffer overflow: the memory for long requests is in use by others. Terminating the connection, try again."}
	case errors.Is(err, ErrBusy):
		return &Error{Code: "AT0005", Message: "the memory for large replies is in use by others, try again"}
	case errors.Is(err, store.ErrNoSpace):
		return &Error{Code: "AT0010", Message: "the disk of the server is full, nothing is changed until there is room", Cause: err}
	case errors.Is(err, store.ErrBroken):
		return &Error{Code: "AT0010", Message: "the disk of the server failed, nothing is changed until it is started again", Cause: err}
	case errors.Is(err, store.ErrNotFound):
		return &Error{Code: "AT0015", Message: "no such record", Cause: err}
	}
	return &Error{Code: "AT0011", Message: "Exception: internal failure", Close: true, Cause: err}
}

// refused words a refusal the way clients know it.
func refused(r *enroll.Refusal, verb string) string {
	if r.Need.Manages() {
		return verb + " " + r.Reason
	}
	if r.Reason != "" {
		return r.Reason
	}
	message := "Connection"
	if id := r.Principal.Enrollment; id != "" {
		message += " with enrollment ID " + id
	}
	message += " is not authorized"
	if key := r.Need.Key().String(); key != "" {
		word, _, _ := strings.Cut(verb, ":") // "update", also for update:meta
		message += " to " + word + " key: " + key
	}
	return message
}

// decisionCodes are the codes of acts on enrollments that must not be.
var decisionCodes = map[enroll.Why]string{enroll.Orphan: "AT0032", enroll.NoGrants: "AT0022", enroll.Suicide: "AT0031"}

// stateCodes are the codes of enrollments that may not act.
var stateCodes = map[enroll.Status]string{
	enroll.Denied: "AT0025", enroll.Pending: "AT0026", enroll.Revoked: "AT0027", enroll.Expired: "AT0028",
}

// ended answers a command of an enrollment that is no longer approved. The
// connection ends.
func ended(e *enroll.StateError) *Error {
	return &Error{
		Code: stateCodes[e.Status], Colon: true, Close: true,
		Message: fmt.Sprintf("The enrollment id: %s is %s. Closing the connection", e.Enrollment, e.Status),
	}
}

// turnedAway answers a login of an enrollment that is not approved. The
// connection stays: apps that wait for approval try again on it.
func turnedAway(e *enroll.StateError) *Error {
	state := string(e.Status)
	if e.Status == enroll.Expired {
		state = "expired or invalid"
	}
	return &Error{
		Code: stateCodes[e.Status], Colon: true,
		Message: fmt.Sprintf("enrollment_id: %s is %s", e.Enrollment, state),
	}
}

// Outcome names what came of a command, for logs: "ok" or a code.
func Outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return asError(err).Code
}
