package verbs

import (
	"slices"
	"strings"

	"atserver/enroll"
	"atserver/verbs/wire"
)

// enrollList shows enrollments: to a manager all of them, to any other app its
// own. Key material is for those who may change it.
var enrollList = define(
	Verb{Name: "enroll:list", Usage: `e.g. enroll:list or enroll:list:{"enrollmentStatusFilter":["pending"]}`, Who: enroll.App},
	func(l *line) (filter []enroll.Status, err error) {
		if l.end() || l.rest == ":" {
			return nil, nil
		}
		p, err := l.enrollParams()
		if err != nil {
			return nil, err
		}
		for _, words := range p.EnrollmentStatusFilter {
			for word := range strings.SplitSeq(words, ",") { // at_auth puts several into one
				status := enroll.Status(strings.ToLower(strings.TrimSpace(word)))
				if !slices.Contains(statuses, status) {
					return nil, wrongType("no enrollment is ever in the state asked for")
				}
				filter = append(filter, status)
			}
		}
		return filter, nil
	},
	nothing[[]enroll.Status], // what may be seen is asked one by one
	func(c *Call, filter []enroll.Status) (Reply, error) {
		manages := c.Registry.Authorize(c.Principal, enroll.ToManage(enroll.Read)) == nil
		full := c.Registry.Authorize(c.Principal, enroll.ToManage(enroll.ReadWrite)) == nil
		o := object{b: []byte{'{'}}
		now := c.Registry.Time()
		for _, e := range c.Registry.Sorted() {
			own := e.ID == c.Principal.Enrollment
			status := e.StatusAt(now)
			wanted := status != enroll.Expired
			if filter != nil {
				wanted = slices.Contains(filter, status)
			}
			if manages && wanted || own && !manages {
				o.b = appendListed(o.name(enrollmentKey(c.Env, e.ID)), e, status, full || own)
			}
		}
		return Reply{Data: append(o.b, '}')}, nil
	},
)

var statuses = []enroll.Status{enroll.Pending, enroll.Approved, enroll.Denied, enroll.Revoked, enroll.Expired}

// appendListed renders an enrollment for a list.
func appendListed(b []byte, e *enroll.Enrollment, status enroll.Status, full bool) []byte {
	o := object{b: append(b, '{')}
	o.text("appName", e.App)
	o.text("deviceName", e.Device)
	o.b = appendGrants(o.name("namespace"), e.Grants)
	if full {
		o.text("encryptedAPKAMSymmetricKey", e.SymmetricKey)
		o.text("apkamPublicKey", e.Key)
		o.text("sessionId", e.Session)
		o.json("metadata", e.Metadata)
		o.json("apsk", e.Apsk)
		o.text("apskLegacy", e.ApskLegacy)
	}
	o.text("status", string(status))
	o.b = appendGrants(o.name("namespaces"), e.Grants)
	o.text("requestType", "newEnrollment")
	o.b = append(wire.AppendString(append(o.name("approval"), `{"state":`...), string(status)), '}')
	ms := e.Lifetime.Milliseconds()
	o.number("apkamKeysExpiryInMillis", &ms)
	o.text("signingAlgo", string(e.Algorithm))
	o.text("parentEnrollmentId", e.Parent)
	o.text("retrofitPredecessorEnrollmentId", e.SuccessorOf)
	o.iso("predecessorCapArmedAt", e.Replaced)
	o.iso("requestedAt", e.RequestedAt)
	o.text("requestedFrom", e.RequestedFrom)
	o.iso("decidedAt", e.DecidedAt)
	o.text("decidedBy", e.DecidedBy)
	o.iso("revokedAt", e.RevokedAt)
	o.text("revokedBy", e.RevokedBy)
	o.isoOrNull("expiresAt", e.ExpiresAt)
	return append(o.b, '}')
}
