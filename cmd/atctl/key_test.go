package main

import (
	"atserver/cmd/console"
	"strings"
	"testing"
	"time"
)

func TestParseKey(t *testing.T) {
	for _, c := range []struct {
		text   string
		public bool
		want   string // "": refused
		scope  string
		own    bool
	}{
		{"phone.wavi", false, "phone.wavi@alice", "self", true},
		{"phone.wavi", true, "public:phone.wavi@alice", "public", true},
		{"Phone.Wavi@Alice", false, "phone.wavi@alice", "self", true},
		{"public:phone.wavi", false, "public:phone.wavi@alice", "public", true},
		{"public:phone.wavi@alice", true, "public:phone.wavi@alice", "public", true},
		{"phone.wavi@bob", true, "public:phone.wavi@bob", "public", false},
		{"public:phone.wavi@bob", false, "public:phone.wavi@bob", "public", false},
		{"@alice:phone.wavi@alice", false, "@alice:phone.wavi@alice", "self", true},
		{"@bob:phone.wavi", false, "@bob:phone.wavi@alice", "for @bob", false},
		{"@alice:phone.wavi@bob", false, "@alice:phone.wavi@bob", "from @bob", false},
		{"cached:@alice:phone.wavi@bob", false, "cached:@alice:phone.wavi@bob", "from @bob, cached", false},
		{"cached:public:phone.wavi@bob", false, "cached:public:phone.wavi@bob", "public, cached", false},
		{"_hidden.wavi", false, "_hidden.wavi@alice", "self", true},
		{"", false, "", "", false},
		{"a b\nc", false, "", "", false},
		{"phone,wavi", false, "", "", false},
		{"@bob:x.y", true, "", "", false},
		{"x@alice@bob", false, "", "", false},
	} {
		key, err := parseKey(c.text, "@alice", c.public)
		if c.want == "" {
			if code, _ := explain(err); err == nil || code != exitUsage {
				t.Errorf("%q: %v, %v; want a usage error", c.text, key, err)
			}
			continue
		}
		if err != nil || key.String() != c.want {
			t.Errorf("%q: %v, %v; want %s", c.text, key, err, c.want)
			continue
		}
		if got := scope(key, "@alice"); got != c.scope {
			t.Errorf("%s: scope %q, want %q", key, got, c.scope)
		}
		if got := own(key, "@alice"); got != c.own {
			t.Errorf("%s: own %v, want %v", key, got, c.own)
		}
	}
}

func TestLifetime(t *testing.T) {
	d := func(d time.Duration) *time.Duration { return &d }
	for _, c := range []struct {
		ttl, ttb *time.Duration
		want     string
	}{
		{nil, nil, ""},
		{d(90 * time.Minute), nil, ":ttl:5400000"},
		{d(0), d(time.Millisecond), ":ttl:0:ttb:1"},
	} {
		got, err := lifetime(c.ttl, c.ttb)
		if err != nil || got != c.want {
			t.Errorf("got %q, %v; want %q", got, err, c.want)
		}
	}
}

func TestValueOfPut(t *testing.T) {
	for name, c := range map[string]struct {
		arg, input string
		typed      bool
		want       string
		refused    bool
	}{
		"argument":             {"hello", "unread", false, "hello", false},
		"standard input":       {"-", "a\nb\n", false, "a\nb\n", false},
		"nothing, but input":   {"", "a", false, "a", false},
		"nothing, on terminal": {"", "", true, "", true},
		"typed":                {"-", "typed\n", true, "typed\n", false},
	} {
		con := &console.Console{In: strings.NewReader(c.input), Typed: c.typed}
		got, err := enteredValue(con, c.arg)
		if string(got) != c.want || (err != nil) != c.refused {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
