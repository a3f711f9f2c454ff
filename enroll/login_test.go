package enroll

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"atserver/store"
)

func TestLoginByCRAM(t *testing.T) {
	f := newFixture(t)
	if _, err := f.cram(""); err != ErrProof {
		t.Errorf("without a secret: %v", err)
	}
	f.must(f.SetCRAMSecret(testSecret))
	for _, wrong := range []string{"", "s3cr3t", testSecret + "0", strings.ToUpper(testSecret)} {
		if p, err := f.cram(wrong); err != ErrProof || p != (Principal{}) {
			t.Errorf("%q: %+v, %v", wrong, p, err)
		}
	}
	p, err := f.cram(testSecret)
	if want := (Principal{CRAM, "@alice", ""}); err != nil || p != want {
		t.Errorf("%+v, %v; want %+v", p, err, want)
	}
	deny, allow := "cram login.cram  deny", "cram login.cram  allow"
	if log := f.audit(); !slices.Equal(log, []string{deny, deny, deny, deny, deny, allow}) {
		t.Errorf("audit %q", log)
	}
}

// TestLoginByPKAM: one attempt, one entry, and only a good one is a login.
func TestLoginByPKAM(t *testing.T) {
	f := newFixture(t)
	for _, app := range []*signer{rsaSigner(), p256Signer()} {
		id := NewID()
		f.add(&Enrollment{ID: id, Stored: Approved, Key: app.public, Algorithm: app.algorithm})
		const challenge = "_4af2@alice:5f1c"
		good := Proof{Enrollment: id, Hash: "sha256", Challenge: challenge, Signature: app.sign("sha256", challenge)}
		before := len(f.audit())
		for name, change := range map[string]func(*Proof){
			"another challenge": func(p *Proof) { p.Challenge += "0" },
			"another key":       func(p *Proof) { p.Signature = p256Signer().sign("", challenge) },
			"no signature":      func(p *Proof) { p.Signature = "" },
		} {
			bad := good
			change(&bad)
			if p, err := f.LoginByPKAM(bad, "192.0.2.7"); err != ErrProof || p != (Principal{}) {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
		if seen, err := f.LastSeen(id); err != nil || seen != (Seen{}) {
			t.Errorf("seen before any login: %+v, %v", seen, err)
		}
		for _, spelt := range []string{id, strings.ToUpper(id), " " + id + " ", "\u00a0" + id} {
			good.Enrollment = spelt
			p, err := f.LoginByPKAM(good, "192.0.2.7")
			if want := (Principal{App, "@alice", id}); err != nil || p != want {
				t.Errorf("%q: %+v, %v; want %+v", spelt, p, err, want)
			}
		}
		deny, allow := id+" login.pkam  deny", id+" login.pkam  allow"
		if log := f.audit()[before:]; !slices.Equal(log, []string{deny, deny, deny, allow, allow, allow, allow}) {
			t.Errorf("audit %q", log)
		}
	}
}

// TestLoginState: what an enrollment is decides before its proof is looked at,
// so that an app learns that it waits (protocol, pkam).
func TestLoginState(t *testing.T) {
	f := newFixture(t)
	app := p256Signer()
	add := func(id string, status Status, ends time.Time) {
		f.add(&Enrollment{ID: id, Stored: status, Key: app.public, Algorithm: P256, ExpiresAt: ends})
	}
	add("pending", Pending, time.Time{})
	add("denied", Denied, time.Time{})
	add("revoked", Revoked, time.Time{})
	add("over", Approved, epoch)
	add("approved", Approved, epoch.Add(time.Minute))
	for id, want := range map[string]Status{"pending": Pending, "denied": Denied, "revoked": Revoked, "over": Expired, "unknown": Expired} {
		for _, by := range []*signer{app, p256Signer()} {
			var state *StateError
			p, err := f.login(id, by)
			if !errors.As(err, &state) || *state != (StateError{id, want}) || p != (Principal{}) {
				t.Errorf("%s: %+v, %v", id, p, err)
			}
		}
		if seen, err := f.LastSeen(id); err != nil || seen != (Seen{}) {
			t.Errorf("%s was seen: %+v, %v", id, seen, err)
		}
	}
	f.move(59 * time.Second)
	if _, err := f.login("approved", app); err != nil {
		t.Error(err)
	}
	f.move(time.Second)
	if _, err := f.login("approved", app); err == nil {
		t.Error("logged in at the moment of expiry")
	}
	if _, err := f.login("", app); err != ErrProof {
		t.Errorf("no id where nobody was onboarded: %v", err)
	}
}

// TestLoginWithoutID: the legacy login is the bootstrap enrollment, whose state
// counts.
func TestLoginWithoutID(t *testing.T) {
	f := onboarding(t)
	app := p256Signer()
	e := f.bootstrapped("wavi", app)
	if _, err := f.login("", p256Signer()); err != ErrProof {
		t.Errorf("by another key: %v", err)
	}
	if p, err := f.login("", app); err != nil || p.Enrollment != e.ID {
		t.Fatalf("%+v, %v", p, err)
	}
	revoked := *e
	revoked.Stored = Revoked
	f.add(&revoked)
	var state *StateError
	if _, err := f.login("", app); !errors.As(err, &state) || state.Status != Revoked {
		t.Errorf("revoked: %v", err)
	}
}

// TestReplacedAppEndsNothing: when an app logs in while another one takes its
// place, both updates may share a batch, so that the second runs before readers
// see the first. The onboarding must not end by a login of the app that lost.
func TestReplacedAppEndsNothing(t *testing.T) {
	f := onboarding(t)
	first := f.bootstrapped("wavi", p256Signer())
	p := Principal{Kind: App, Sign: "@alice", Enrollment: first.ID}
	_, err := f.onCRAM(request())
	f.must(err)
	var state *StateError
	err = f.change(func(c *change) error { return f.firstLogin(c, p, "192.0.2.7", func(*store.Tx) error { return nil }) })
	if !errors.As(err, &state) {
		t.Errorf("the app that lost: %v", err)
	}
	if !f.AwaitsOnboarding() {
		t.Error("the onboarding ended although its app has never logged in")
	}
}

func TestLastSeen(t *testing.T) {
	f := newFixture(t)
	app := p256Signer()
	f.add(&Enrollment{ID: "app", Stored: Approved, Key: app.public, Algorithm: P256})
	for range 3 {
		f.move(time.Hour)
		if _, err := f.login("app", app); err != nil {
			t.Fatal(err)
		}
		seen, err := f.LastSeen("app")
		if err != nil || !seen.At.Equal(f.Now()) || seen.From != "192.0.2.7" {
			t.Errorf("%+v, %v; want %v", seen, err, f.Now())
		}
	}
}

// TestOthersRetireNothing: only the login of the app that was onboarded ends the
// onboarding.
func TestOthersRetireNothing(t *testing.T) {
	f := onboarding(t)
	app, guest := p256Signer(), p256Signer()
	f.bootstrapped("wavi", app)
	f.add(&Enrollment{ID: "guest", Stored: Approved, Key: guest.public, Algorithm: P256, Grants: Root()})
	if _, err := f.login("guest", guest); err != nil || !f.AwaitsOnboarding() {
		t.Errorf("%v; still waits for onboarding: %v", err, f.AwaitsOnboarding())
	}
	if _, err := f.login("", app); err != nil || f.AwaitsOnboarding() {
		t.Errorf("%v; still waits for onboarding: %v", err, f.AwaitsOnboarding())
	}
	if log := f.audit(); !strings.Contains(log[len(log)-2], "cram.retire") || !strings.Contains(log[len(log)-1], "login.pkam") {
		t.Errorf("audit %q", log)
	}
}

// TestNoLoginWithoutAudit: what cannot be put on record did not happen.
func TestNoLoginWithoutAudit(t *testing.T) {
	f := onboarding(t)
	app := p256Signer()
	f.bootstrapped("wavi", app)
	f.must(f.db.Close())
	if p, err := f.login("", app); err == nil || err == ErrProof || p != (Principal{}) {
		t.Errorf("pkam: %+v, %v", p, err)
	}
	if p, err := f.cram(testSecret); err == nil || err == ErrProof || p != (Principal{}) {
		t.Errorf("cram: %+v, %v", p, err)
	}
}
