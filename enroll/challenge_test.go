package enroll

import (
	"regexp"
	"testing"
	"time"
)

func TestChallengeText(t *testing.T) {
	// Clients digest or sign exactly this: the session, the atSign, a colon, a UUID.
	form := regexp.MustCompile(`^_4af2@alice:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		c := NewChallenge("_4af2", "@alice", epoch)
		if !form.MatchString(c.Text()) || seen[c.Text()] {
			t.Fatalf("challenge %q", c.Text())
		}
		seen[c.Text()] = true
	}
}

func TestChallengeIsTakenOnce(t *testing.T) {
	c := NewChallenge("_4af2", "@alice", epoch)
	text := c.Text()
	if got, err := c.Take(epoch.Add(time.Second)); err != nil || got != text {
		t.Fatalf("Take = %q, %v", got, err)
	}
	for range 3 {
		if got, err := c.Take(epoch.Add(time.Second)); err != ErrProof || got != "" {
			t.Fatalf("taken again: %q, %v", got, err)
		}
	}
}

func TestChallengeLife(t *testing.T) {
	for _, test := range []struct {
		after time.Duration
		fresh bool
	}{
		{0, true}, {time.Nanosecond, true}, {60*time.Second - time.Nanosecond, true},
		{60 * time.Second, false}, {time.Hour, false},
		{-time.Nanosecond, false}, {-time.Hour, false}, // the clock was set back
	} {
		c := NewChallenge("_4af2", "@alice", epoch)
		if _, err := c.Take(epoch.Add(test.after)); (err == nil) != test.fresh {
			t.Errorf("after %v: %v", test.after, err)
		}
		if _, err := c.Take(epoch); err != ErrProof {
			t.Errorf("an attempt after %v did not use the challenge up", test.after)
		}
	}
	var none Challenge
	if _, err := none.Take(time.Time{}); err != ErrProof {
		t.Errorf("no challenge at all: %v", err)
	}
}
