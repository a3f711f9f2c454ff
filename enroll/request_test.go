package enroll

import (
	"regexp"
	"strings"
	"testing"
)

func TestIsName(t *testing.T) {
	for text, want := range map[string]bool{
		"wavi": true, "A": true, "0": true, "a_b.c-D9": true, ".": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a:b": false, "a@b": false, "a/b": false, "ü": false, "a\n": false,
		"a\x00": false, "\xff": false, "a,b": false, "<b>": false, "\u212a": false,
	} {
		if IsName(text) != want {
			t.Errorf("%q is a name: %v", text, !want)
		}
	}
}

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 10_000 {
		id := NewID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("%q", id)
		}
		seen[id] = true
	}
}

func TestActor(t *testing.T) {
	for want, p := range map[string]Principal{
		me: {Kind: App, Sign: "@alice", Enrollment: me}, "cram": {Kind: CRAM, Sign: "@alice", Enrollment: me},
		"@bob": {Kind: Peer, Sign: "@bob"}, "operator": {Kind: Operator}, "anonymous": {},
	} {
		if got := p.Actor(); got != want {
			t.Errorf("%+v acts as %q, want %q", p, got, want)
		}
	}
}

// TestErrorTexts: they may reach logs, so they say who and what, on one line.
func TestErrorTexts(t *testing.T) {
	app := Principal{Kind: App, Enrollment: me}
	for want, err := range map[string]error{
		me + " is not authorized for x.app@alice":                 &Refusal{Principal: app, Need: ToRead(key("x.app@alice"))},
		me + " is not authorized":                                 &Refusal{Principal: app, Need: ToRule()},
		"enrollment " + me + " is revoked":                        &StateError{me, Revoked},
		"cannot deny: the enrollment is approved":                 &TransitionError{Approved, Deny},
		"appName and deviceName are 1 to 64 of A-Z a-z 0-9 _ . -": badRequest(t),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func badRequest(t *testing.T) error {
	_, err := onboarding(t).onCRAM(Request{})
	return err
}
