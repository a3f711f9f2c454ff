package enroll

import "fmt"

// Status is where an enrollment stands. Expired is never stored: it is the
// answer to a question asked with the time, see Enrollment.StatusAt.
type Status string

const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Denied   Status = "denied"
	Revoked  Status = "revoked"
	Expired  Status = "expired"
)

// Op is an act that moves an enrollment from one status to another.
type Op string

const (
	Approve  Op = "approve"
	Deny     Op = "deny"
	Revoke   Op = "revoke"
	Unrevoke Op = "unrevoke"
	Delete   Op = "delete" // leads to no status: the record is gone
	Fetch    Op = "fetch"  // changes nothing
)

// arrows is the whole state machine; what is not here is an error.
var arrows = map[Status]map[Op]Status{
	Pending:  {Approve: Approved, Deny: Denied},
	Approved: {Revoke: Revoked},
	Denied:   {Delete: ""},
	Revoked:  {Unrevoke: Approved, Delete: ""},
	Expired:  {Delete: ""},
}

// TransitionError says that an enrollment does not allow an act in its status.
type TransitionError struct {
	From Status
	Op   Op
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("cannot %s: the enrollment is %s", e.Op, e.From)
}

// Next returns the status that op leads to, "" for Delete. The only error is a
// *TransitionError.
func (s Status) Next(op Op) (Status, error) {
	next, ok := arrows[s][op]
	if !ok {
		return "", &TransitionError{From: s, Op: op}
	}
	return next, nil
}
