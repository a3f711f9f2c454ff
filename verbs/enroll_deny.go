package verbs

import "atserver/enroll"

// enrollDeny turns a request down.
var enrollDeny = decision(enroll.Deny, accept, func(c *Call, a decisionArgs) ([]byte, error) {
	return decided(enroll.Denied, a.EnrollmentID), c.Registry.Deny(c.Principal, a.EnrollmentID, c.From)
})
