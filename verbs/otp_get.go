package verbs

import (
	"atserver/enroll"
)

// otpGet makes a one-time passcode for an app that is to be let in.
var otpGet = define(
	Verb{Name: "otp:get", Usage: "e.g. otp:get or otp:get:ttl:60000", Who: enroll.App},
	func(l *line) (a otpArgs, err error) {
		a.life, err = l.ttl()
		return a, err
	},
	letsIn,
	func(c *Call, a otpArgs) (Reply, error) {
		code, err := c.Registry.NewOTP(c.Principal, a.life, c.From)
		return text(code), err
	},
)
