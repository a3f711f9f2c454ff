package enroll

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"atserver/store"
)

func TestNeedsSecret(t *testing.T) {
	f := newFixture(t)
	if !f.NeedsSecret() || f.AwaitsOnboarding() {
		t.Error("a new server: needs a secret, lets nobody in")
	}
	if f.SetCRAMSecret("s3cr3t") == nil || !f.NeedsSecret() {
		t.Error("a weak secret is kept")
	}
	f.must(f.SetCRAMSecret(testSecret))
	if f.NeedsSecret() || !f.AwaitsOnboarding() {
		t.Error("with a secret: waits for onboarding")
	}
	_, err := f.onCRAM(request())
	f.must(err)
	if f.NeedsSecret() || !f.AwaitsOnboarding() {
		t.Error("enrolled, not logged in yet: still waits")
	}
	f.must(f.Retire("cram", ""))
	if f.NeedsSecret() || f.AwaitsOnboarding() {
		t.Error("retired: neither")
	}
}

func request() Request {
	return Request{
		App: "wavi", Device: "pixel", Grants: Grants{"wavi": Read}, Key: rsaSigner().public,
		SymmetricKey: "c3lt", PrivateKey: WrappedKey{"cHJpdg==", "aXY="}, SelfKey: WrappedKey{Value: "c2VsZg=="},
		Metadata: []byte(`{"a":1}`), ApskLegacy: "x", Session: "_4af2", From: "192.0.2.7",
	}
}

// TestBootstrap: the owner's first app is in at once, with all rights and all
// facts on record.
func TestBootstrap(t *testing.T) {
	f := onboarding(t)
	got, err := f.onCRAM(request())
	f.must(err)
	want := &Enrollment{
		ID: got.ID, App: "wavi", Device: "pixel", Grants: Grants{Any: ReadWrite, Manage: ReadWrite, "wavi": Read}, Stored: Approved,
		Key: rsaSigner().public, Algorithm: RSA2048, SymmetricKey: "c3lt",
		PrivateKey: WrappedKey{"cHJpdg==", "aXY="}, SelfKey: WrappedKey{Value: "c2VsZg=="},
		Metadata: []byte(`{"a":1}`), ApskLegacy: "x", Origin: "cram", Session: "_4af2",
		RequestedAt: epoch, RequestedFrom: "192.0.2.7", DecidedAt: epoch, DecidedBy: "cram",
		Private: privateActive, Fingerprint: rsaFingerprint(t),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if e, status := f.Get(got.ID); e != got || status != Approved {
		t.Errorf("on record: %+v, %s", e, status)
	}
	if log := f.audit(); len(log) != 1 || log[0] != "cram enroll.bootstrap "+got.ID+" allow" {
		t.Errorf("audit %q", log)
	}
}

func rsaFingerprint(t *testing.T) string {
	k, err := ParsePublicKey(RSA2048, rsaSigner().public)
	if err != nil {
		t.Fatal(err)
	}
	return k.Fingerprint()
}

// TestBootstrapReplaces: a failed onboarding strands nobody, and leaves nothing.
func TestBootstrapReplaces(t *testing.T) {
	f := onboarding(t)
	one, two := p256Signer(), p256Signer()
	first, second := f.bootstrapped("wavi", one), f.bootstrapped("wavi", two)
	if e, status := f.Get(first.ID); e != nil || status != Expired {
		t.Errorf("the first one is still there: %+v", e)
	}
	if _, err := f.login(first.ID, one); err == nil {
		t.Error("the first one logs in")
	}
	if !f.AwaitsOnboarding() {
		t.Error("the login that failed ended the onboarding")
	}
	for _, id := range []string{second.ID, ""} {
		if p, err := f.login(id, two); err != nil || p.Enrollment != second.ID {
			t.Errorf("%q: %+v, %v", id, p, err)
		}
	}
}

// TestBootstrapEnds with the first login, for ever: also for a server that starts
// again with the old secret (security T05).
func TestBootstrapEnds(t *testing.T) {
	dir, c, app := t.TempDir(), newClock(), p256Signer()
	f := open(t, dir, c, false)
	f.must(f.SetCRAMSecret(testSecret))
	e := f.bootstrapped("wavi", app)
	if _, err := f.login(e.ID, p256Signer()); err != ErrProof || !f.AwaitsOnboarding() {
		t.Fatalf("a wrong proof: %v, and the onboarding goes on: %v", err, f.AwaitsOnboarding())
	}
	cram, err := f.cram(testSecret)
	f.must(err)
	if _, err := f.login(e.ID, app); err != nil {
		t.Fatal(err)
	}
	ended := func() {
		t.Helper()
		if f.AwaitsOnboarding() || f.NeedsSecret() {
			t.Error("it waits for onboarding again")
		}
		var state *StateError
		if err := f.Check(cram); !errors.As(err, &state) || state.Status != Expired {
			t.Errorf("a CRAM connection of before lives on: %v", err)
		}
		if _, err := f.cram(testSecret); err != ErrProof {
			t.Errorf("the secret still works: %v", err)
		}
		if _, err := f.cram(""); err != ErrProof {
			t.Errorf("no secret works: %v", err)
		}
		_, err := f.onCRAM(request())
		if !errors.As(err, &state) || state.Status != Expired {
			t.Errorf("enrolled once more: %v", err)
		}
		_, err = f.BootstrapLegacy(app.public, "_s", "")
		if !errors.As(err, &state) {
			t.Errorf("enrolled once more, the old way: %v", err)
		}
		if p, err := f.login("", app); err != nil || p.Enrollment != e.ID {
			t.Errorf("the app that was enrolled: %+v, %v", p, err)
		}
		// What the client does last gets its reply.
		f.must(f.Retire(e.ID, ""))
	}
	ended()
	f.must(f.SetCRAMSecret(testSecret))
	ended()
	f.must(f.db.Close())
	f = open(t, dir, c, false)
	ended()
	f.must(f.SetCRAMSecret(NewCRAMSecret()))
	ended()
}

// TestBootstrapSurvivesRestart: neither the secret nor the app that has not yet
// logged in is lost, and the secret is nowhere to be read.
func TestBootstrapSurvivesRestart(t *testing.T) {
	dir, c, app := t.TempDir(), newClock(), p256Signer()
	f := open(t, dir, c, false)
	f.must(f.SetCRAMSecret(testSecret))
	before := f.bootstrapped("wavi", app)
	f.must(f.db.View(func(tx *store.Tx) error {
		raw, err := tx.Row(store.Settings, bootstrapRow)
		if bytes.Contains(raw, []byte(testSecret)) {
			t.Error("the secret is stored as it is")
		}
		return err
	}))
	f.must(f.db.Close())
	f.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(testSecret)) {
			t.Errorf("the secret is in %s", path)
		}
		return err
	}))
	f = open(t, dir, c, false)
	if after, status := f.Get(before.ID); status != Approved || !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v, %s", before, after, status)
	}
	if p, err := f.cram(testSecret); err != nil || p.Kind != CRAM {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := f.login(before.ID, app); err != nil || f.AwaitsOnboarding() {
		t.Errorf("%+v, %v; the onboarding ended: %v", p, err, !f.AwaitsOnboarding())
	}
}

// TestBootstrapLegacy: a client that only stores its key is an enrollment like
// any other, listed and with an id, but logs in without one.
func TestBootstrapLegacy(t *testing.T) {
	for _, app := range []*signer{rsaSigner(), p256Signer()} {
		f := onboarding(t)
		e, err := f.BootstrapLegacy(app.public, "_4af2", "192.0.2.7")
		f.must(err)
		if e.App != LegacyApp || e.Origin != "legacy" || !maps.Equal(e.Grants, Root()) || e.Algorithm != app.algorithm || e.DecidedBy != "cram" {
			t.Errorf("on record %+v", e)
		}
		p, err := f.login("", app)
		if want := (Principal{App, "@alice", e.ID}); err != nil || p != want {
			t.Errorf("%+v, %v; want %+v", p, err, want)
		}
		if f.AwaitsOnboarding() {
			t.Error("the login did not end the onboarding")
		}
	}
}

// TestBootstrapRefusesWeakKeys changes nothing, so the client may try again.
func TestBootstrapRefusesWeakKeys(t *testing.T) {
	f := onboarding(t)
	first := f.bootstrapped("wavi", rsaSigner())
	log := len(f.audit())
	for name, change := range map[string]func(*Request){
		"no key":            func(r *Request) { r.Key = "" },
		"garbage":           func(r *Request) { r.Key = "MIIB" },
		"unknown algorithm": func(r *Request) { r.Algorithm = "rsa1024" },
		"another algorithm": func(r *Request) { r.Algorithm = P256 },
		"bad app":           func(r *Request) { r.App = "a:b" },
		"no device":         func(r *Request) { r.Device = "" },
		"access":            func(r *Request) { r.Grants = Grants{"wavi": "w"} },
		"no access":         func(r *Request) { r.Grants = Grants{"wavi": None} },
	} {
		bad := request()
		change(&bad)
		var argument *ArgumentError
		_, err := f.onCRAM(bad)
		if !errors.As(err, &argument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, status := f.Get(first.ID); status != Approved || len(f.audit()) != log {
		t.Errorf("a request that was refused left something: %s, %q", status, f.audit())
	}
}

// TestRetireStrandsNobody: as long as nobody else could log in, the secret stays.
func TestRetireStrandsNobody(t *testing.T) {
	retire := func(f *fixture) error { return f.Retire("cram", "192.0.2.7") }
	f := onboarding(t)
	if err := retire(f); err != ErrStranded || !f.AwaitsOnboarding() {
		t.Errorf("nobody enrolled: %v", err)
	}
	f.bootstrapped("wavi", p256Signer())
	if err := retire(f); err != nil || f.AwaitsOnboarding() {
		t.Errorf("somebody enrolled: %v", err)
	}
	if log := f.audit(); log[len(log)-1] != "cram cram.retire "+CRAMSecretKey+" allow" {
		t.Errorf("audit %q", log)
	}

	t.Run("the only one would end", func(t *testing.T) {
		f := onboarding(t)
		brief := request()
		brief.Lifetime = time.Minute
		_, err := f.onCRAM(brief)
		var argument *ArgumentError
		if !errors.As(err, &argument) || retire(f) != ErrStranded {
			t.Errorf("an owner's first app that ends in a minute: %v", err)
		}
	})
}

// TestTestingMode: other people's suites onboard again and again and use CRAM
// for everything. Nothing else is loosened.
func TestTestingMode(t *testing.T) {
	f := open(t, "", newClock(), true)
	f.must(f.SetCRAMSecret(testSecret))
	one, two := p256Signer(), p256Signer()
	first := f.bootstrapped("wavi", one)
	if _, err := f.login(first.ID, one); err != nil {
		t.Fatal(err)
	}
	cram, err := f.cram(testSecret)
	if err != nil {
		t.Fatalf("CRAM after onboarding: %v", err)
	}
	second := f.bootstrapped("wavi", two)
	for _, id := range []string{first.ID, second.ID} {
		if _, status := f.Get(id); status != Approved {
			t.Errorf("%s is %s", id, status)
		}
	}
	for _, n := range []Need{ToRead(key("x.app@alice")), ToWrite(key("@bob:x@alice")), ToManage(ReadWrite), ToRule(), ToWrite(key(LegacyKey))} {
		if err := f.Authorize(cram, n); err != nil {
			t.Error(err)
		}
	}
	for _, n := range []Need{ToRead(key(CRAMSecretKey)), ToWrite(key("configkey")), ToRead(key("x." + first.ID + ".a.__e@alice")), ToRead(key("x.__manage@alice"))} {
		if f.Authorize(cram, n) == nil {
			t.Errorf("%+v is allowed", n)
		}
	}
	if err := f.Authorize(Principal{Kind: Anonymous}, ToRead(key("x@alice"))); err == nil {
		t.Error("strangers read")
	}
}
