package verbs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

const (
	maxPattern   = 1000                   // characters; keys have 255 at most, and compiling is not bounded in time
	matchTimeout = 100 * time.Millisecond // for one key
	totalTimeout = 2 * time.Second        // for one command
)

// matcher searches names for an expression of a client, in bounded time.
type matcher struct {
	ctx     context.Context
	stop    context.CancelFunc
	re      *regexp2.Regexp
	literal string // instead of re, when the expression has nothing special
}

// newMatcher compiles an expression in ECMAScript's dialect; "" matches all.
func newMatcher(c *Call, pattern string) (*matcher, error) {
	if !strings.ContainsAny(pattern, `\.+*?()|[]{}^$`) {
		return &matcher{literal: pattern}, nil
	}
	if len(pattern) > maxPattern {
		return nil, syntaxError(fmt.Sprintf("a regular expression may have %d characters at most", maxPattern))
	}
	re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
	if err != nil {
		return nil, syntaxError("the regular expression is not valid")
	}
	re.MatchTimeout = matchTimeout
	ctx, stop := context.WithTimeout(c, totalTimeout)
	return &matcher{ctx: ctx, stop: stop, re: re}, nil
}

// close ends the clock of the matcher.
func (m *matcher) close() {
	if m.stop != nil {
		m.stop()
	}
}

func (m *matcher) matches(name string) (bool, error) {
	if m.re == nil {
		return strings.Contains(name, m.literal), nil
	}
	ok, err := m.re.MatchString(name)
	if err != nil || m.ctx.Err() != nil {
		return false, syntaxError("the regular expression takes too long")
	}
	return ok, nil
}
