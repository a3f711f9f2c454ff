package verbs

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"atserver/enroll"
)

const apskExclusive = "apsk and apskLegacy are mutually exclusive: one enrollment publishes one _apsk value"

// request checks what must be there and builds the request.
func (p enrollParams) request(s *Session) (enroll.Request, error) {
	switch {
	case p.AppName == "":
		return enroll.Request{}, illegal("appName is mandatory for enroll:request")
	case p.DeviceName == "":
		return enroll.Request{}, illegal("deviceName is mandatory for enroll:request")
	case p.APKAMPublicKey == "":
		return enroll.Request{}, illegal("apkam public key is mandatory for enroll:request")
	case p.OTP != "" && p.EncryptedAPKAMSymmetricKey == "" && !p.hasKeyPackage():
		return enroll.Request{}, illegal("encrypted apkam symmetric key is mandatory for new client enroll:request")
	case len(p.Apsk) > 0 && p.ApskLegacy != "":
		return enroll.Request{}, illegal(apskExclusive)
	}
	grants := make(enroll.Grants, len(p.Namespaces))
	for namespace, access := range p.Namespaces {
		folded := strings.ToLower(strings.TrimSpace(namespace))
		if _, twice := grants[folded]; twice {
			return enroll.Request{}, illegal("a namespace is named twice in enroll:request")
		}
		grants[folded] = enroll.Access(access)
	}
	return enroll.Request{
		App: p.AppName, Device: p.DeviceName, Grants: grants,
		Key: p.APKAMPublicKey, Algorithm: enroll.Algorithm(p.SigningAlgo),
		SymmetricKey: p.EncryptedAPKAMSymmetricKey,
		PrivateKey:   enroll.WrappedKey{Value: p.EncryptedDefaultEncryptionPrivateKey, IV: p.EncPrivateKeyIV},
		SelfKey:      enroll.WrappedKey{Value: p.EncryptedDefaultSelfEncryptionKey, IV: p.SelfEncKeyIV},
		Lifetime:     time.Duration(min(max(p.APKAMKeysExpiryInMillis, 0), maxRequestLife)) * time.Millisecond,
		Metadata:     p.Metadata, Apsk: p.Apsk, ApskLegacy: p.ApskLegacy,
		Session: s.ID, From: s.From,
	}, nil
}

// maxRequestLife keeps a lifetime in the range of time.Duration: 100 years, in ms.
const maxRequestLife = 100 * 366 * 24 * int64(time.Hour/time.Millisecond)

// hasKeyPackage tells whether the app brings what replaces the symmetric key.
func (p enrollParams) hasKeyPackage() bool {
	var metadata struct {
		KeyPackage json.RawMessage `json:"keyPackage"`
	}
	return json.Unmarshal(p.Metadata, &metadata) == nil && len(metadata.KeyPackage) > 0
}

// enrollRequest asks to let an app in: at once on the word of the bootstrap
// secret, at once with the same rights for an app that replaces itself, else with
// a passcode and after a decision.
var enrollRequest = define(
	Verb{
		Name: "enroll:request", Usage: `e.g. enroll:request:{"appName":"wavi","deviceName":"pixel"}`,
		Who: enroll.Anonymous | enroll.Peer | enroll.Owner, Slow: always,
	},
	(*line).enrollParams,
	nothing[enrollParams],
	func(c *Call, p enrollParams) (Reply, error) {
		request, err := p.request(c.Session)
		if err != nil {
			return Reply{}, err
		}
		if err := request.Check(c.Principal); err != nil {
			return Reply{}, err
		}
		if !c.mayRequest(c.Registry.Time(), c.Settings) {
			return Reply{}, enroll.ErrThrottled
		}
		e, err := c.Registry.Request(c.Principal, request, p.OTP)
		var wrong *enroll.WrongPasscode
		if errors.As(err, &wrong) {
			c.pause(wrong.Wait)
			return Reply{}, illegal("invalid otp. Cannot process enroll request")
		}
		if err != nil {
			return Reply{}, err
		}
		if c.Principal.Kind == enroll.CRAM {
			c.Principal.Enrollment = e.ID
		}
		return text(`{"enrollmentId":"` + e.ID + `","status":"` + string(e.Stored) + `"}`), nil
	},
)

// How many enrollment requests one connection may make in what time.
const (
	maxRequests   = 5
	requestWindow = time.Hour
)

// mayRequest bounds the requests of one connection. Those that it refuses do not
// count.
func (s *Session) mayRequest(now time.Time, limits *Settings) bool {
	limit, window := limits.requestLimit()
	for len(s.requests) > 0 && now.Sub(s.requests[0]) >= window {
		s.requests = s.requests[1:]
	}
	if len(s.requests) >= limit {
		return false
	}
	s.requests = append(s.requests, now)
	return true
}
