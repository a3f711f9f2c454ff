package verbs

import (
	"strings"

	"atserver/enroll"
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
