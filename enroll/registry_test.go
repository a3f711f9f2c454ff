package enroll

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"atserver/store"
)

func TestTimeNeverGoesBack(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct{ to, want time.Duration }{
		{0, 0}, {time.Second, time.Second}, {0, time.Second}, {-time.Hour, time.Second}, {time.Second - 1, time.Second},
		{time.Second, time.Second}, {2 * time.Second, 2 * time.Second}, {time.Second, 2 * time.Second},
	} {
		f.move(epoch.Add(c.to).Sub(f.Now()))
		if got := f.Time(); !got.Equal(epoch.Add(c.want)) || got.Location() != time.UTC {
			t.Errorf("clock at %v: %v, want %v", c.to, got.Sub(epoch), c.want)
		}
	}
}

// TestTimeOfMany: nobody sees an earlier time than somebody else saw before.
func TestTimeOfMany(t *testing.T) {
	f := newFixture(t)
	var latest atomic.Int64
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 500 {
				if i == 0 {
					f.move(time.Duration(n%7-3) * time.Second)
				}
				before := latest.Load()
				now := f.Time().UnixMilli()
				if now < before {
					t.Errorf("%d after %d", now, before)
					return
				}
				for before < now && !latest.CompareAndSwap(before, now) {
					before = latest.Load()
				}
			}
		})
	}
	wg.Wait()
}

// TestReopen: what is read back from disk is what was shown before.
func TestReopen(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	f := open(t, dir, c, false)
	want := []*Enrollment{
		{ID: "pending", App: "wavi", Device: "pixel", Grants: Grants{"wavi": "r"}, Stored: Pending, Key: "k", Algorithm: P256,
			Origin: "passcode", Session: "_s", RequestedAt: epoch, RequestedFrom: "192.0.2.7", Lifetime: time.Hour, ExpiresAt: epoch.Add(48 * time.Hour)},
		{ID: "revoked", Grants: Root(), Stored: Revoked, SymmetricKey: "s", PrivateKey: WrappedKey{"p", "iv"}, SelfKey: WrappedKey{"s", ""},
			Metadata: []byte(`{"keyPackage":"<ü>"}`), Apsk: []byte(`{"a":[1,2]}`), RequestedAt: epoch, DecidedAt: epoch, DecidedBy: "x",
			SuccessorOf: "y", RevokedAt: epoch.Add(time.Millisecond), RevokedBy: "z"},
	}
	f.add(want...)
	f.add(&Enrollment{ID: "gone", Stored: Denied})
	f.must(f.change(func(c *change) error { return c.remove("gone") }))
	f.must(f.db.Close())
	f = open(t, dir, c, false)
	for _, e := range want {
		if got, status := f.Get(e.ID); status != e.Stored || !reflect.DeepEqual(normal(got), normal(e)) {
			t.Errorf("got  %+v (%s)\nwant %+v", got, status, e)
		}
	}
	if got, status := f.Get("gone"); got != nil || status != Expired {
		t.Errorf("removed, and there again: %+v", got)
	}
}

// normal undoes what encoding/json does to JSON inside JSON: it means the same.
func normal(e *Enrollment) Enrollment {
	n := *e
	n.Metadata = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(n.Metadata)))
	if len(n.Metadata) == 0 {
		n.Metadata = nil
	}
	return n
}

// TestDamagedRow: a row that cannot be read stops the start, by name.
func TestDamagedRow(t *testing.T) {
	for table, id := range map[store.Table]string{store.Enrollments: "bad", store.Settings: bootstrapRow} {
		f := newFixture(t)
		f.must(f.db.Update(func(tx *store.Tx) error { return tx.PutRow(table, id, []byte(`{"id":`)) }))
		if _, err := Open(f.db, Options{Sign: "@alice"}); err == nil || !strings.Contains(err.Error(), map[store.Table]string{store.Enrollments: "bad", store.Settings: "bootstrap"}[table]) {
			t.Errorf("%v", err)
		}
	}
}

// TestFailedUpdate: of a change that fails afterwards, readers see nothing.
func TestFailedUpdate(t *testing.T) {
	f := onboarding(t)
	first := f.bootstrapped("wavi", p256Signer())
	before, log := f.snapshot.Load(), len(f.audit())
	boom := errors.New("boom")
	half := func(c *change) error {
		if err := c.remove(first.ID); err != nil {
			return err
		}
		if err := c.retire("cram", ""); err != nil {
			return err
		}
		if f.snapshot.Load() != before {
			t.Error("a change shows before it is committed")
		}
		return nil
	}
	err := f.change(func(c *change) error { return errors.Join(half(c), boom) })
	if !errors.Is(err, boom) || f.snapshot.Load() != before || len(f.audit()) != log {
		t.Errorf("%v; the snapshot or the audit changed: %q", err, f.audit())
	}
	if _, status := f.Get(first.ID); status != Approved || !f.AwaitsOnboarding() {
		t.Errorf("the failed change shows: %s", status)
	}
	f.must(f.change(half))
	if _, status := f.Get(first.ID); status != Expired || f.AwaitsOnboarding() {
		t.Errorf("the change that was committed does not show: %s", status)
	}
}

// TestReadersDuringChanges: readers never wait and never see half a change.
func TestReadersDuringChanges(t *testing.T) {
	f := onboarding(t)
	f.add(&Enrollment{ID: "app", Grants: Grants{"app": "rw"}, Stored: Approved})
	app := Principal{Kind: App, Enrollment: "app"}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			visible := 0
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := f.Authorize(app, ToWrite(key("x.app@alice"))); err != nil {
					t.Errorf("while something else changes: %v", err)
					return
				}
				if f.Visible(app, Read)(key("x.app@alice")) {
					visible++
				}
				s := f.snapshot.Load()
				if id := s.bootstrap.Enrollment; id != "" && s.enrollments[id] == nil {
					t.Error("a snapshot names a bootstrap enrollment that is not in it")
					return
				}
			}
		})
	}
	var writers sync.WaitGroup
	signer := p256Signer()
	for range 2 {
		writers.Go(func() {
			for range 50 {
				f.bootstrapped("wavi", signer)
				f.add(&Enrollment{ID: NewID(), Stored: Pending})
			}
		})
	}
	writers.Wait()
	close(done)
	wg.Wait()
	if n := len(f.snapshot.Load().enrollments); n != 1+100+1 {
		t.Errorf("%d enrollments, want 102: changes were lost", n)
	}
	if entries, err := f.db.VerifyAudit(); err != nil || entries != 100 {
		t.Errorf("%d audit entries, %v", entries, err)
	}
}

// TestOneOnboarding: of many that come at once, one stays.
func TestOneOnboarding(t *testing.T) {
	f := onboarding(t)
	var wg sync.WaitGroup
	signers := [8]*signer{}
	for i := range signers {
		signers[i] = p256Signer()
		wg.Go(func() {
			e, err := f.onCRAM(Request{App: "wavi", Device: "pixel", Key: signers[i].public, Algorithm: P256})
			if err == nil {
				f.login(e.ID, signers[i]) // works or not, as the others leave it
			}
		})
	}
	wg.Wait()
	s := f.snapshot.Load()
	if len(s.enrollments) != 1 || s.enrollments[s.bootstrap.Enrollment] == nil {
		t.Fatalf("%d enrollments, and %q is the owner's", len(s.enrollments), s.bootstrap.Enrollment)
	}
	if s.bootstrap.Retired {
		seen, err := f.LastSeen(s.bootstrap.Enrollment)
		if err != nil || seen.At.IsZero() {
			t.Errorf("the onboarding was ended by somebody who is not the owner's app: %+v, %v", seen, err)
		}
	}
	retired := 0
	for _, entry := range f.audit() {
		if strings.Contains(entry, "cram.retire") {
			retired++
		}
	}
	if retired > 1 || (retired == 1) != s.bootstrap.Retired {
		t.Errorf("%d entries of the end: %q", retired, f.audit())
	}
}
