package verbs

import (
	"time"

	"atserver/enroll"
)

// partingTime is how long the connection of an app that ended itself stays.
const partingTime = 10 * time.Second

// enrollRevoke ends what an app, and everybody whom it let in, may do. With force
// an app ends itself.
var enrollRevoke = decision(enroll.Revoke, accept, func(c *Call, a decisionArgs) ([]byte, error) {
	own := a.EnrollmentID == c.Principal.Enrollment
	stay := func(time.Duration) {}
	if own && c.Stay != nil {
		stay = c.Stay
	}
	stay(partingTime) // before its connections are cut off
	fallen, err := c.Registry.Revoke(c.Principal, a.EnrollmentID, a.force, c.From)
	if err != nil {
		stay(0)
		return nil, err
	}
	o := object{b: []byte{'{'}}
	o.text("status", string(enroll.Revoked))
	o.text("enrollmentId", a.EnrollmentID)
	if len(fallen) > 0 { // some clients break on the member, so only when there is something to tell
		o.b = appendNames(o.name("cascadedEnrollmentIds"), fallen)
	}
	if own {
		o.text("message", "Enrollment is revoked. Closing the connection in 10 seconds")
	}
	return append(o.b, '}'), nil
})
