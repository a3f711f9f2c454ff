package verbs

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"atserver/enroll"
	"atserver/verbs/wire"
)

// ClientCert is the certificate that this server shows to others.
type ClientCert struct {
	Chain                    string    // PEM
	ChainChanged, KeyChanged time.Time // of their files
}

type infoArgs struct{ brief, mtls bool }

// info tells what this server is: "info" or "info:brief". An app learns what is
// on record about its enrollment, too. "info:mtls" and "info:mtlsbrief" tell of the
// certificate that this server shows to others.
var info = define(
	Verb{Name: "info", Usage: "e.g. info or info:brief", Bare: true, Who: enroll.Anyone},
	func(l *line) (a infoArgs, err error) {
		if a.mtls = l.take(":mtls"); a.mtls {
			a.brief = l.take("brief")
		} else {
			a.brief = l.take(":brief")
		}
		if !l.end() {
			return a, invalidCommand()
		}
		return a, nil
	},
	nothing[infoArgs],
	func(c *Call, a infoArgs) (Reply, error) {
		if a.mtls {
			return Reply{Data: c.ClientCert().append(nil, a.brief)}, nil
		}
		brief := a.brief
		up := max(c.Now().Sub(c.Started), 0)
		o := object{b: []byte{'{'}}
		o.text("version", c.Version)
		if brief {
			ms := up.Milliseconds()
			o.number("uptimeAsMillis", &ms)
		} else {
			o.text("uptimeAsWords", words(up))
		}
		o.b = appendFeatures(o.name("features"))
		if id := c.Principal.Enrollment; id != "" && !brief {
			if e, status := c.Registry.Get(id); e != nil {
				o.b = appendEnrollment(o.name("apkam_metadata"), e, status)
			}
		}
		return Reply{Data: append(o.b, '}')}, nil
	},
)

func (cert ClientCert) append(b []byte, brief bool) []byte {
	o := object{b: append(b, '{')}
	if brief {
		o.time("mtls_fullchain_last_modified", cert.ChainChanged)
		o.time("mtls_privkey_last_modified", cert.KeyChanged)
	} else {
		o.text("mtls_fullchain", cert.Chain)
	}
	return append(o.b, '}')
}

// feature is an ability that clients ask for by name before they use it.
type feature struct{ name, status, description string }

// features lists abilities beyond the protocol of October 2024 that clients know
// a name for. What every client may assume is not listed.
var features = []feature{
	{"notify.eph", "GA", "notifications that are kept in memory only"},
	{"notify.eAtn", "GA", "notifications that end at a given time"},
	{"notify.all", "Deprecated", "one notification for several atSigns"},
	{"notify.text", "Deprecated", "notifications that are text"},
}

func appendFeatures(b []byte) []byte {
	b = append(b, '[')
	for i, f := range features {
		if i > 0 {
			b = append(b, ',')
		}
		o := object{b: append(b, '{')}
		o.text("name", f.name)
		o.text("status", f.status)
		o.text("description", f.description)
		b = append(o.b, '}')
	}
	return append(b, ']')
}

// words spells a time the way the protocol does: leading zero units are left out.
func words(d time.Duration) string {
	var b strings.Builder
	s := int64(d.Seconds())
	for _, unit := range []struct {
		name string
		size int64
	}{{"days", 86400}, {"hours", 3600}, {"minutes", 60}} {
		if n := s / unit.size; n > 0 || b.Len() > 0 {
			fmt.Fprintf(&b, "%d %s ", n, unit.name)
		}
		s %= unit.size
	}
	fmt.Fprintf(&b, "%d seconds", s)
	return b.String()
}

// appendEnrollment renders what is on record about an enrollment, for itself.
func appendEnrollment(b []byte, e *enroll.Enrollment, status enroll.Status) []byte {
	o := object{b: append(b, '{')}
	o.text("sessionId", e.Session)
	o.text("appName", e.App)
	o.text("deviceName", e.Device)
	o.b = appendGrants(o.name("namespaces"), e.Grants)
	o.text("apkamPublicKey", e.Key)
	o.text("requestType", "newEnrollment")
	o.b = append(wire.AppendString(append(o.name("approval"), `{"state":`...), string(status)), '}')
	o.text("encryptedAPKAMSymmetricKey", e.SymmetricKey)
	ms := e.Lifetime.Milliseconds()
	o.number("apkamKeysExpiryInMillis", &ms)
	return append(o.b, '}')
}

func appendGrants(b []byte, g enroll.Grants) []byte {
	raw, err := json.Marshal(g) // sorted by namespace
	if err != nil {
		return append(b, "{}"...)
	}
	return append(b, raw...)
}
