package verbs

import (
	"strings"
	"time"

	"atserver/enroll"
)

type otpArgs struct {
	code string // to keep; "" makes a one-time passcode
	life time.Duration
}

// ttl consumes ":ttl:<ms>" to the end, or nothing.
func (l *line) ttl() (time.Duration, error) {
	if l.end() {
		return 0, nil
	}
	if !l.take(":ttl:") {
		return 0, errSyntax
	}
	ms, err := integer(l.all(), 0, "Valid value for TTL should be greater than or equal to 0")
	if err != nil {
		return 0, err
	}
	return time.Duration(min(*ms, maxRequestLife)) * time.Millisecond, nil
}

// letsIn is the need of the passcode verbs: whoever hands passcodes out decides
// who may ask.
func letsIn(*Call, otpArgs) []enroll.Need { return []enroll.Need{enroll.ToManage(enroll.ReadWrite)} }

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

// otpPut keeps a passcode that the owner chose, which may be used more than once.
var otpPut = define(
	Verb{Name: "otp:put", Usage: "e.g. otp:put:<passcode>:ttl:3600000", Who: enroll.App},
	func(l *line) (a otpArgs, err error) {
		if !l.take(":") {
			return a, errSyntax
		}
		rest := l.rest
		if i := strings.IndexByte(rest, ':'); i >= 0 {
			rest = rest[:i]
		}
		a.code, l.rest = rest, l.rest[len(rest):]
		if len(a.code) < 6 || strings.ContainsFunc(a.code, isNoWord) {
			return a, errSyntax
		}
		a.life, err = l.ttl()
		return a, err
	},
	letsIn,
	func(c *Call, a otpArgs) (Reply, error) {
		return Reply{Data: ok}, c.Registry.SetPasscode(c.Principal, a.code, a.life, c.From)
	},
)

// isNoWord tells what cannot stand in a passcode.
func isNoWord(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
