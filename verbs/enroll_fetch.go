package verbs

import (
	"time"

	"atserver/enroll"
)

// enrollFetch shows one enrollment: one's own, or one that one may decide about.
var enrollFetch = decision(enroll.Fetch, accept, func(c *Call, a decisionArgs) ([]byte, error) {
	e, status := c.Registry.Get(a.EnrollmentID)
	if e == nil {
		return nil, notFound(enrollmentKey(c.Env, a.EnrollmentID))
	}
	o := object{b: []byte{'{'}}
	o.text("appName", e.App)
	o.text("deviceName", e.Device)
	o.b = appendGrants(o.name("namespace"), e.Grants)
	o.text("encryptedAPKAMSymmetricKey", e.SymmetricKey)
	o.text("status", string(status))
	o.isoOrNull("expiresAt", e.ExpiresAt)
	return append(o.b, '}'), nil
})

// isoLayout is how the enrollment verbs spell times.
const isoLayout = "2006-01-02T15:04:05.000Z"

// iso appends a time, or nothing if it is zero.
func (o *object) iso(name string, t time.Time) {
	if !t.IsZero() {
		o.text(name, t.UTC().Format(isoLayout))
	}
}

// isoOrNull appends a time, or null if it is zero.
func (o *object) isoOrNull(name string, t time.Time) {
	if t.IsZero() {
		o.json(name, []byte("null"))
		return
	}
	o.iso(name, t)
}
