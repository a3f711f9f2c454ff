package verbs

import (
	"strconv"
	"strings"
	"time"

	"atserver/enroll"
)

type monitorArgs struct {
	strict, internal, multiplexed bool
	since                         *time.Time
	pattern                       string
}

// monitor tells the client of notifications as they come, from now on or from a
// time on, and that there is something to sync:
// "monitor[:strict][:selfNotifications][:multiplexed][:epochMillis][ regex]". It is
// not answered. Said again it begins anew.
var monitor = define(
	Verb{Name: "monitor", Usage: "e.g. monitor or monitor:selfNotifications:1729733000000 .*", Bare: true, Who: enroll.App, Alone: true},
	func(l *line) (a monitorArgs, err error) {
		l.rest, a.pattern, _ = strings.Cut(l.rest, " ")
		a.pattern = strings.TrimLeft(a.pattern, " ")
		a.strict = l.take(":strict")
		a.internal = l.take(":selfNotifications")
		a.multiplexed = l.take(":multiplexed")
		if l.take(":") {
			if l.end() || strings.Trim(l.rest, "0123456789") != "" {
				return a, errSyntax
			}
			ms, err := strconv.ParseInt(l.all(), 10, 64)
			if err != nil || ms > endOfTime.UnixMilli() {
				ms = endOfTime.UnixMilli()
			}
			since := time.UnixMilli(ms).UTC()
			a.since = &since
		}
		if !l.end() {
			return a, errSyntax
		}
		return a, nil
	},
	nothing[monitorArgs], // what may be told is asked one by one
	func(c *Call, a monitorArgs) (Reply, error) {
		match, err := newMatcher(c, a.pattern)
		if err != nil {
			return Reply{}, syntaxError("Invalid regex: " + a.pattern)
		}
		if c.Monitor == nil {
			return Reply{}, syntaxError("this connection cannot be told of notifications")
		}
		c.bare = !a.multiplexed
		c.Monitor(&Watch{
			Since: a.since, Multiplexed: a.multiplexed, strict: a.strict, internal: a.internal, match: match,
			env: c.Env, principal: c.Principal,
		})
		return Reply{Mute: true}, nil
	},
)
