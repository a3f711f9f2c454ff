package verbs

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"pgregory.net/rapid"
)

func newCall(t testing.TB) *Call { return &Call{Context: t.Context(), Env: &Env{Now: time.Now}} }

// TestMatches: ECMAScript's dialect, searched anywhere in the full key, capitals
// meaning capitals (protocol data §9).
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "public:phone.wavi@alice", true},
		{"wavi", "public:phone.wavi@alice", true},
		{"Wavi", "public:phone.wavi@alice", false},
		{"public:", "public:phone.wavi@alice", true},
		{"@alice", "phone@alice", true},
		{".wavi", "xwavi@alice", true}, // a dot is any character
		{`\.wavi`, "xwavi@alice", false},
		{`\.wavi@`, "phone.wavi@alice", true},
		{"^phone", "public:phone@alice", false},
		{"^public:phone", "public:phone@alice", true},
		{"alice$", "phone@alice", true},
		{"phone$", "phone@alice", false},
		{"^(?!public:)", "public:phone@alice", false}, // what RE2 cannot
		{"^(?!public:)", "phone@alice", true},
		{"phone(?=.*@alice)", "phone.wavi@alice", true},
		{`(?<!cached:)public:`, "cached:public:x@bob", false},
		{`(?<!cached:)public:`, "public:x@bob", true},
		{`(a)(b)\2\1`, "abba@alice", true},
		{`(a)(b)\2\1`, "abab@alice", false},
		{`^\w+@`, "phone_1@alice", true},
		{`^\w+@`, "phöne@alice", false}, // \w is ASCII here
		{`^\d@`, "٥@alice", false},
		{"[^a-z@]", "phone@alice", false},
		{"phone|email", "email@alice", true},
		{"🦄", "🦄@alice", true},
		{"[🦄]", "🦄@alice", true},
		{"a{2}", "aa@alice", true},
		{"[", "", false}, {"(", "", false}, {"*", "", false}, {"a{2", "", false}, // see below
	} {
		m, err := newMatcher(newCall(t), c.pattern)
		if err != nil {
			var known *Error
			if c.name != "" || !errors.As(err, &known) || known.Code != "AT0003" || known.Close {
				t.Errorf("%q: %v", c.pattern, err)
			}
			continue
		}
		got, err := m.matches(c.name)
		if err != nil || got != c.want {
			t.Errorf("%q in %q: %v, %v", c.pattern, c.name, got, err)
		}
	}
	for _, pattern := range []string{"[", "(", "*", "a)", "[z-a]", "(?<", `\`} {
		if _, err := newMatcher(newCall(t), pattern); err == nil {
			t.Errorf("%q is taken", pattern)
		}
	}
}

// TestMatcherEnds: an expression made to run for ever is cut off, for one key
// and for all together.
func TestMatcherEnds(t *testing.T) {
	name := strings.Repeat("a", 240) + "@alice"
	for _, pattern := range []string{"(a+)+!", "(a|a)*!", "(a*)*b{9}", `(a+)+\1!`, "(.*)*(.*)*(.*)*!", "^(?=(a+)+!)", strings.Repeat("a?", 60) + strings.Repeat("a{4}", 60) + "!"} {
		m, err := newMatcher(newCall(t), pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		start := time.Now()
		got, err := m.matches(name)
		var known *Error
		if got || err != nil && (!errors.As(err, &known) || known.Code != "AT0003" || known.Close) {
			t.Errorf("%s: %v, %v", pattern, got, err)
		}
		if took := time.Since(start); took > totalTimeout {
			t.Errorf("%s took %v", pattern, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	call := newCall(t)
	call.Context = ctx
	m, err := newMatcher(call, "a+")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := m.matches(name); err != nil || !ok {
		t.Errorf("%v, %v", ok, err)
	}
	cancel() // the connection is gone
	if ok, err := m.matches(name); err == nil || ok {
		t.Errorf("goes on for nobody: %v, %v", ok, err)
	}
}

// TestMatcherSize: a command may be 10 MB long, and anybody may scan. Compiling
// must not cost many times that.
func TestMatcherSize(t *testing.T) {
	const size = 200_000
	for name, pattern := range map[string]string{
		"groups":       strings.Repeat("(", size/2) + strings.Repeat(")", size/2),
		"alternatives": strings.Repeat("a|", size/2),
		"look-aheads":  strings.Repeat("(?=", size/4) + strings.Repeat(")", size/4),
		"open groups":  strings.Repeat("(", size),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		newMatcher(newCall(t), pattern)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 20*size {
			t.Errorf("%s: compiling %d bytes took %d", name, size, used)
		}
	}
}

// TestMatcherTotal: all keys of a command share one limit.
func TestMatcherTotal(t *testing.T) {
	call, now := newCall(t), time.Unix(0, 0)
	call.Env.Now = func() time.Time {
		now = now.Add(totalTimeout / 4) // each look is so much later
		return now
	}
	m, err := newMatcher(call, "a+")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, true, false} {
		if _, err := m.matches("a"); (err == nil) != want {
			t.Errorf("key %d: %v", i, err)
		}
	}
}

// TestNeeded: what is looked for first never hides a match.
func TestNeeded(t *testing.T) {
	for pattern, want := range map[string]string{
		".wavi": "wavi", `\.wavi@alice$`: ".wavi@alice", "^public:.*wavi": "public:", "ab?cd": "cd", "ab*": "a", "a+bc": "bc", "x+?y": "x",
		"a|b": "", "(ab)?c": "", "[ab]c": "", `\wab`: "", "a{0}b": "", `a\*b`: "a*b", "ab?": "a", "🦄?x": "x", "": "",
	} {
		if got := needed(pattern); got != want {
			t.Errorf("%s needs %q, want %q", pattern, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*?+^$\\@|]{1,6}`).Draw(t, "pattern")
		re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
		if err != nil {
			return
		}
		name := rapid.StringMatching(`[ab@.*?]{0,6}`).Draw(t, "name")
		if ok, _ := re.MatchString(name); ok && !strings.Contains(name, needed(pattern)) {
			t.Fatalf("%s matches %q, which has no %q", pattern, name, needed(pattern))
		}
	})
}
