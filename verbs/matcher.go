package verbs

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

const (
	maxPattern   = 1000                   // characters; keys have 255 at most, and compiling is not bounded in time
	matchTimeout = 100 * time.Millisecond // for one key
	totalTimeout = 2 * time.Second        // for all keys that one command searches
)

// matcher searches names for an expression of a client, in bounded time.
type matcher struct {
	call    *Call
	literal string          // that a name must hold
	re      *regexp2.Regexp // that it must match besides; nil: the literal says it all
	spent   time.Duration   // by re
}

// newMatcher compiles an expression in ECMAScript's dialect; "" matches all.
func newMatcher(c *Call, pattern string) (*matcher, error) {
	switch {
	case pattern == ".*", pattern == ".":
		return &matcher{call: c}, nil
	case !strings.ContainsAny(pattern, `\.+*?()|[]{}^$`):
		return &matcher{call: c, literal: pattern}, nil
	case len(pattern) > maxPattern:
		return nil, syntaxError(fmt.Sprintf("a regular expression may have %d characters at most", maxPattern))
	}
	re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
	if err != nil {
		return nil, syntaxError("the regular expression is not valid")
	}
	re.MatchTimeout = matchTimeout
	return &matcher{call: c, literal: needed(pattern), re: re}, nil
}

// needed returns text that whatever matches a valid expression must hold: to look
// for it first is ten times faster. It knows simple expressions only, and returns
// "" for others.
func needed(pattern string) string {
	longest, run := "", []rune{}
	flush := func() {
		if len(string(run)) > len(longest) {
			longest = string(run)
		}
		run = run[:0]
	}
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped && (r == '_' || r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0x80):
			run = append(run, r) // punctuation stands for itself
			escaped = false
		case escaped:
			return "" // a class, a reference to a group
		case r == '\\':
			escaped = true
		case strings.ContainsRune("()[]{}|", r):
			return ""
		case r == '*' || r == '?':
			run = run[:max(len(run)-1, 0)] // what stands before it may be missing
			flush()
		case strings.ContainsRune(".^$+", r):
			flush()
		default:
			run = append(run, r)
		}
	}
	flush()
	return longest
}

func (m *matcher) matches(name string) (bool, error) {
	if !strings.Contains(name, m.literal) || m.re == nil {
		return strings.Contains(name, m.literal), nil
	}
	started := m.call.Now()
	ok, err := m.re.MatchString(name)
	m.spent += m.call.Now().Sub(started)
	if err != nil || m.spent > totalTimeout || m.call.Err() != nil {
		return false, syntaxError("the regular expression takes too long")
	}
	return ok, nil
}
