package verbs

import (
	"errors"

	"atserver/enroll"
)

// cram proves to hold the bootstrap secret: "cram:<SHA-512 of secret and
// challenge>".
var cram = define(
	Verb{Name: "cram", Usage: "e.g. cram:<digest>", Who: enroll.Anyone, Alone: true},
	func(l *line) (digest string, err error) {
		if !l.take(":") || l.end() {
			return "", errSyntax
		}
		return l.all(), nil
	},
	nothing[string],
	func(c *Call, digest string) (Reply, error) {
		challenge, err := c.own.Take(c.Now())
		if err == nil {
			c.Principal, err = c.Registry.LoginByCRAM(challenge, digest, c.From)
		}
		if errors.Is(err, enroll.ErrProof) {
			return Reply{}, c.failed(notAuthenticated("Authentication Failed"))
		}
		if err != nil {
			return Reply{}, err
		}
		c.Accesses.note(c.Env.Sign, "cram", "")
		return Reply{Data: success}, nil
	},
)

var success = []byte("success")
