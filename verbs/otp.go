package verbs

import (
	"time"

	"atserver/enroll"
)

type otpArgs struct {
	code string // to keep; "" makes a one-time passcode
	life time.Duration
}

// ttl consumes ":ttl:<ms>" to the end, or nothing.
func (l *line) ttl() (time.Duration, error) {
	if l.end() {
		return 0, nil
	}
	if !l.take(":ttl:") {
		return 0, errSyntax
	}
	ms, err := integer(l.all(), 0, "Valid value for TTL should be greater than or equal to 0")
	if err != nil {
		return 0, err
	}
	return time.Duration(min(*ms, maxRequestLife)) * time.Millisecond, nil
}

// letsIn is the need of the passcode verbs: whoever hands passcodes out decides
// who may ask.
func letsIn(*Call, otpArgs) []enroll.Need { return []enroll.Need{enroll.ToManage(enroll.ReadWrite)} }
