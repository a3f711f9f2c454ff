package verbs

import "atserver/enroll"

// enrollDelete forgets an enrollment that was denied or revoked.
var enrollDelete = decision(enroll.Delete, accept, func(c *Call, a decisionArgs) ([]byte, error) {
	o := object{b: []byte{'{'}}
	o.text("enrollmentId", a.EnrollmentID)
	o.text("status", "deleted")
	return append(o.b, '}'), c.Registry.Delete(c.Principal, a.EnrollmentID, c.From)
})
