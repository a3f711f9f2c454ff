package verbs

import "atserver/enroll"

// enrollUnrevoke takes a revocation back.
var enrollUnrevoke = decision(enroll.Unrevoke, accept, func(c *Call, a decisionArgs) ([]byte, error) {
	return decided(enroll.Approved, a.EnrollmentID), c.Registry.Unrevoke(c.Principal, a.EnrollmentID, c.From)
})
