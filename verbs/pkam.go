package verbs

import (
	"errors"
	"strings"

	"atserver/enroll"
)

// pkam proves to hold the key of an enrollment:
// "pkam:[signingAlgo:x:][hashingAlgo:y:][enrollmentId:id:]<signature>". Without
// an id it is the owner's first enrollment.
var pkam = define(
	Verb{Name: "pkam", Usage: "e.g. pkam:<signature>", Who: enroll.Anyone, Alone: true},
	func(l *line) (p enroll.Proof, err error) {
		if !l.take(":") || l.end() {
			return p, errSyntax
		}
		// The recorded algorithm decides, so the announced one is only skipped. An
		// option that is unknown or out of order is taken for the signature, and fails.
		for _, algorithm := range []enroll.Algorithm{enroll.RSA2048, enroll.P256} {
			if l.take("signingAlgo:" + string(algorithm) + ":") {
				break
			}
		}
		for _, hash := range []string{"sha256", "sha512"} {
			if l.take("hashingAlgo:" + hash + ":") {
				p.Hash = hash
				break
			}
		}
		if l.take("enrollmentId:") {
			colon := strings.LastIndexByte(l.rest, ':')
			if colon < 1 || colon == len(l.rest)-1 {
				return p, errSyntax
			}
			p.Enrollment, l.rest = l.rest[:colon], l.rest[colon+1:]
		}
		p.Signature = l.all()
		return p, nil
	},
	nothing[enroll.Proof],
	func(c *Call, proof enroll.Proof) (Reply, error) {
		challenge, err := c.own.Take(c.Now())
		proof.Challenge = challenge
		var principal enroll.Principal
		if err == nil {
			principal, err = c.Registry.LoginByPKAM(proof, c.From)
		}
		var state *enroll.StateError
		switch {
		case errors.As(err, &state) && proof.Enrollment == "":
			return Reply{}, c.failed(notAuthenticated("the legacy credential for this atSign is " + string(state.Status)))
		case errors.As(err, &state):
			return Reply{}, turnedAway(state)
		case errors.Is(err, enroll.ErrProof):
			return Reply{}, c.failed(notAuthenticated("pkam authentication failed"))
		case err != nil:
			return Reply{}, err
		}
		c.Principal = principal
		c.Accesses.note(c.Env.Sign, "pkam", "")
		return Reply{Data: success}, nil
	},
)
