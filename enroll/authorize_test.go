package enroll

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atserver/store/atkey"
)

// TestAuthorize has a row for a need and a column for each kind of principal.
func TestAuthorize(t *testing.T) {
	f := onboarding(t)
	f.add(
		&Enrollment{ID: "root", Grants: Root(), Stored: Approved},
		&Enrollment{ID: "app", Grants: Grants{"app": "r"}, Stored: Approved},
	)
	principals := []Principal{
		{Kind: App, Sign: "@alice", Enrollment: "root"},
		{Kind: App, Sign: "@alice", Enrollment: "app"},
		{Kind: CRAM, Sign: "@alice"},
		{Kind: Peer, Sign: "@bob"},
		{Kind: Anonymous},
		{Kind: Operator},
	}
	for _, c := range []struct {
		need Need
		want string // a letter each: y or n
	}{
		{Need{}, "yyyyyy"},
		{ToRead(key("public:x.app@alice")), "yynyyn"},
		{ToRead(key("public:_x@alice")), "yynyyn"}, // a challenge between servers
		{ToWrite(key("public:x.app@alice")), "ynnnnn"},
		{ToDelete(key("public:x.app@alice")), "ynnnnn"},
		{ToRead(key("cached:public:x@carol")), "yynnnn"},
		{ToRead(key("@bob:x.app@alice")), "yynynn"},
		{ToRead(key("@bob:_x@alice")), "ynnynn"},
		{ToWrite(key("@bob:x.app@alice")), "ynnnnn"},
		{ToDelete(key("@bob:x.app@alice")), "ynnnnn"},
		{ToRead(key("@bob:shared_key@alice")), "yynynn"},
		{ToRead(key("shared_key.bob@alice")), "yynnnn"},
		{ToRead(key("@carol:x.app@alice")), "yynnnn"},
		{ToRead(key("cached:@bob:x.app@carol")), "yynnnn"},
		{ToRead(key("@alice:x.app@alice")), "yynnnn"},
		{ToRead(key("private:@bob:x@alice")), "nnnnnn"},
		{ToRead(key("x.app@alice")), "yynnnn"},
		{ToRead(key("x.evil@alice")), "ynnnnn"},
		{ToRead(key("local:x@alice")), "ynnnnn"},
		{ToRead(key("_x")), "ynnnnn"},
		{ToRead(key("privatekey:at_secret")), "nnnnnn"},
		{ToWrite(key("privatekey:at_secret")), "nnnnnn"},
		{ToDelete(key("privatekey:at_secret")), "ynynnn"},
		{ToWrite(key("privatekey:at_pkam_publickey")), "nnynnn"},
		{ToDelete(key("privatekey:at_pkam_publickey")), "nnnnnn"},
		{ToWrite(key("privatekey:at_pkam_privatekey")), "nnnnnn"},
		{ToRead(key("@alice:signing_privatekey@alice")), "ynnnnn"},
		{ToRead(key("@bob:signing_privatekey@alice")), "ynnynn"},
		{ToRead(key("configkey")), "nnnnnn"},
		{ToRead(key("private:blocklist@alice")), "nnnnnn"},
		{ToManage(Read), "ynnnny"},
		{ToManage(ReadWrite), "ynnnny"},
		{ToRule(), "ynnnnn"},
	} {
		for i, p := range principals {
			err := f.Authorize(p, c.need)
			if (err == nil) != (c.want[i] == 'y') {
				t.Errorf("%s: %+v on %q: %v", p.Actor(), c.need, c.need.key.String(), err)
			}
			var refusal *Refusal
			if err != nil && (!errors.As(err, &refusal) || refusal.Principal != p || refusal.Need != c.need) {
				t.Errorf("%s: %#v is no Refusal that says what of whom", p.Actor(), err)
			}
		}
	}
}

// TestAuthorizeAll: of several needs each has to be allowed, and the one that is
// not is named.
func TestAuthorizeAll(t *testing.T) {
	f := newFixture(t)
	f.add(&Enrollment{ID: "app", Grants: Grants{"app": "rw"}, Stored: Approved})
	p := Principal{Kind: App, Enrollment: "app"}
	mine, foreign := ToWrite(key("x.app@alice")), ToRead(key("x.evil@alice"))
	if err := f.Authorize(p, mine, mine); err != nil {
		t.Error(err)
	}
	for _, needs := range [][]Need{{foreign}, {mine, foreign}, {foreign, mine}, {Need{}, foreign}} {
		var refusal *Refusal
		if err := f.Authorize(p, needs...); !errors.As(err, &refusal) || refusal.Need != foreign {
			t.Errorf("%+v: %v", needs, err)
		}
	}
}

// TestNobody: the zero principal may do nothing, and neither may one of two kinds.
func TestNobody(t *testing.T) {
	f := onboarding(t)
	f.add(&Enrollment{ID: "root", Grants: Root(), Stored: Approved})
	for _, p := range []Principal{{}, {Sign: "@alice", Enrollment: "root"}, {Kind: App | CRAM, Enrollment: "root"}, {Kind: Owner}, {Kind: 1 << 7}} {
		for _, n := range []Need{{}, ToRead(key("public:x@alice")), ToManage(Read), ToRule()} {
			if f.Authorize(p, n) == nil {
				t.Errorf("%+v may %+v", p, n)
			}
		}
		if f.Authorize(p) == nil {
			t.Errorf("%+v may do what needs nothing", p)
		}
		if f.Visible(p, Read)(key("public:x@alice")) {
			t.Errorf("%+v sees a public key", p)
		}
	}
}

// TestNotApproved: an enrollment in any other state may do nothing at all, not
// even what a stranger may, and it shows from one call to the next.
func TestNotApproved(t *testing.T) {
	f := newFixture(t)
	p := Principal{Kind: App, Enrollment: "app"}
	public := ToRead(key("public:x@alice"))
	check := func(want Status) {
		t.Helper()
		var state *StateError
		if err := f.Check(p); !errors.As(err, &state) || *state != (StateError{"app", want}) {
			t.Errorf("Check: %v, want %s", err, want)
		}
		if err := f.Authorize(p); !errors.As(err, &state) || state.Status != want {
			t.Errorf("Authorize nothing: %v, want %s", err, want)
		}
		if err := f.Authorize(p, public); !errors.As(err, &state) || state.Status != want {
			t.Errorf("Authorize: %v, want %s", err, want)
		}
		if f.Visible(p, Read)(public.key) {
			t.Errorf("an enrollment that is %s sees keys", want)
		}
	}
	check(Expired) // unknown
	for _, status := range []Status{Pending, Denied, Revoked, Expired, ""} {
		f.add(&Enrollment{ID: "app", Grants: Root(), Stored: status})
		check(status)
	}
	f.add(&Enrollment{ID: "app", Grants: Root(), Stored: Approved, ExpiresAt: f.Now().Add(2 * time.Second)})
	if err := f.Authorize(p, public, ToRule()); err != nil {
		t.Error(err)
	}
	f.move(2 * time.Second)
	check(Expired)
	f.move(-time.Hour) // a clock set back revives nothing
	check(Expired)
}

// TestVisibleIsAuthorize: a list shows what may be asked for one by one, to
// every principal, for every key (design, tests).
func TestVisibleIsAuthorize(t *testing.T) {
	for _, testing := range []bool{false, true} {
		f := open(t, "", newClock(), testing)
		f.must(f.SetCRAMSecret(testSecret))
		open := []Principal{{}, {Kind: Anonymous}, {Kind: Peer, Sign: "@bob"}, {Kind: Peer, Sign: "@alice"}, {Kind: CRAM, Sign: "@alice"},
			{Kind: Operator}, {Kind: App, Enrollment: "unknown"}, {Kind: App | Peer, Sign: "@bob", Enrollment: me}}
		round := 0
		rapid.Check(t, func(t *rapid.T) {
			round++
			id := fmt.Sprintf("%s-%d", me, round)
			status := rapid.SampledFrom([]Status{Approved, Approved, Approved, Pending, Revoked}).Draw(t, "status")
			f.add(&Enrollment{ID: id, Grants: anyGrants.Draw(t, "grants"), Stored: status})
			for _, p := range append(open, Principal{Kind: App, Sign: "@alice", Enrollment: id}) {
				readable, writable := f.Visible(p, Read), f.Visible(p, ReadWrite)
				for range 15 {
					k := anyKey.Draw(t, "key")
					if got, want := readable(k), f.Authorize(p, ToRead(k)) == nil; got != want {
						t.Fatalf("%+v: %s readable in lists %v, alone %v", p, k, got, want)
					}
					if got, want := writable(k), f.Authorize(p, ToWrite(k)) == nil; got != want {
						t.Fatalf("%+v: %s writable in lists %v, alone %v", p, k, got, want)
					}
				}
			}
		})
	}
}

// TestAuthorizeAllocatesNothing because it is asked for every command.
func TestAuthorizeAllocatesNothing(t *testing.T) {
	f := newFixture(t)
	f.add(&Enrollment{ID: "app", Grants: Grants{"orders.app": "rw", "buzz": "r"}, Stored: Approved})
	for _, p := range []Principal{{Kind: App, Enrollment: "app"}, {Kind: Anonymous}, {Kind: Peer, Sign: "@bob"}} {
		k := map[Kind]atkey.Key{App: key("x.y.orders.app@alice"), Anonymous: key("public:x.app@alice"), Peer: key("@bob:x@alice")}[p.Kind]
		allocations := testing.AllocsPerRun(100, func() {
			if err := f.Authorize(p, ToRead(k)); err != nil {
				t.Fatal(err)
			}
		})
		if allocations > 0 {
			t.Errorf("%s: %v allocations", p.Actor(), allocations)
		}
	}
}

// BenchmarkAuthorize measures one answer among 10,000 enrollments.
func BenchmarkAuthorize(b *testing.B) {
	f := newFixture(b)
	s := &snapshot{enrollments: map[string]*Enrollment{}}
	var ids []string
	for i := range 10_000 {
		e := &Enrollment{ID: NewID(), Stored: Approved, Grants: Grants{fmt.Sprintf("ns%d.app", i): "rw", "buzz": "r", "foo.buzz": "rw"}}
		s.enrollments[e.ID] = e
		ids = append(ids, e.ID)
	}
	f.snapshot.Store(s)
	k := key("@bob:x.y.foo.buzz@alice")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := f.Authorize(Principal{Kind: App, Enrollment: ids[i%len(ids)]}, ToWrite(k)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
