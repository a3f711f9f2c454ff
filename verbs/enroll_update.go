package verbs

import (
	"encoding/json"

	"atserver/enroll"
)

// enrollUpdate lets an app change its own key and what it says about itself.
var enrollUpdate = define(
	Verb{Name: "enroll:update", Usage: `e.g. enroll:update:{"enrollmentId":"<id>","metadata":{}}`, Who: enroll.App},
	func(l *line) (p enrollParams, err error) {
		if p, err = l.enrollParams(); err != nil {
			return p, err
		}
		switch {
		case p.EnrollmentID == "":
			return p, illegal("enrollmentId is mandatory for enroll:update")
		case p.Namespaces != nil:
			return p, illegal("enroll:update cannot change namespaces: enroll again for others")
		case p.APKAMPublicKey == "" && p.SigningAlgo == "" && len(p.Apsk) == 0 && p.ApskLegacy == "" && len(p.Metadata) == 0:
			return p, illegal("enroll:update must name at least one of apkamPublicKey, signingAlgo, apsk, apskLegacy or metadata")
		case p.SigningAlgo != "" && p.APKAMPublicKey == "":
			return p, illegal("enroll:update cannot change signingAlgo without apkamPublicKey")
		case len(p.Apsk) > 0 && p.ApskLegacy != "":
			return p, illegal(apskExclusive)
		}
		return p, nil
	},
	nothing[enrollParams], // its own rule: only oneself, see Registry.Revise
	func(c *Call, p enrollParams) (Reply, error) {
		var metadata map[string]json.RawMessage
		if len(p.Metadata) > 0 && json.Unmarshal(p.Metadata, &metadata) != nil {
			return Reply{}, illegal("metadata must be a JSON object")
		}
		err := c.Registry.Revise(c.Principal, p.EnrollmentID, enroll.Revision{
			Key: p.APKAMPublicKey, Algorithm: enroll.Algorithm(p.SigningAlgo), Proof: p.APKAMPublicKeySignature,
			Metadata: metadata, Apsk: p.Apsk, Legacy: p.ApskLegacy,
		}, c.From)
		o := object{b: []byte{'{'}}
		o.text("enrollmentId", p.EnrollmentID)
		o.text("status", string(enroll.Approved))
		return Reply{Data: append(o.b, '}')}, err
	},
)
