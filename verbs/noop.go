package verbs

import (
	"strconv"
	"strings"
	"time"

	"atserver/enroll"
)

// maxNoop is how long a client may ask the server to wait, in milliseconds.
const maxNoop = 5000

// waits tells a heartbeat from a wait.
func waits(args string) bool { return strings.Trim(args, ":0") != "" }

// noop waits, then says ok: "noop:<milliseconds>". Clients use it as heartbeat.
var noop = define(
	Verb{Name: "noop", Usage: "e.g. noop:1000", Who: enroll.Anyone, Slow: waits},
	func(l *line) (time.Duration, error) {
		if !l.take(":") || l.end() || strings.Trim(l.rest, "0123456789") != "" {
			return 0, errSyntax
		}
		ms, err := strconv.Atoi(l.all())
		if err != nil || ms > maxNoop {
			return 0, illegal("noop:<durationInMillis> where the duration maximum is 5000 milliseconds")
		}
		return time.Duration(ms) * time.Millisecond, nil
	},
	nothing,
	func(c *Call, wait time.Duration) (Reply, error) {
		c.pause(wait)
		return Reply{Data: ok}, nil
	},
)

var ok = []byte("ok")

// pause waits, unless the connection ends.
func (c *Call) pause(wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Done():
	}
}
