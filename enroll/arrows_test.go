package enroll

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atserver/store"
	"atserver/store/atkey"
)

// world is a registry with its first app in, on which anything may be tried.
type world struct {
	*Registry
	*clock
	db    *store.DB
	first *Enrollment
	names int // given so far
}

func newWorld(t interface{ Fatal(...any) }) *world {
	w := &world{clock: newClock()}
	var err error
	if w.db, err = store.Open(store.Options{Sign: "@alice", Now: w.Now}); err == nil {
		w.Registry, err = Open(w.db, Options{Sign: "@alice", Now: w.Now})
	}
	if err == nil {
		err = w.SetCRAMSecret(testSecret)
	}
	if err == nil {
		key := p256Signer()
		w.first, err = w.Request(Principal{Kind: CRAM, Sign: "@alice"}, Request{App: "first", Device: "d", Key: key.public, Algorithm: P256}, "")
		if err == nil {
			const challenge = "c"
			_, err = w.LoginByPKAM(Proof{Enrollment: w.first.ID, Challenge: challenge, Signature: key.sign("", challenge)}, "192.0.2.1")
		}
	}
	if err == nil {
		err = w.SetPasscode(w.app(w.first.ID), "KNOWN_1", 0, "192.0.2.1")
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) app(id string) Principal { return Principal{Kind: App, Sign: "@alice", Enrollment: id} }

// request asks as a stranger, with a key and a name of its own.
func (w *world) request(grants Grants, life time.Duration) (*Enrollment, error) {
	w.names++
	key := p256Signer()
	return w.Request(Principal{Kind: Anonymous}, Request{
		App: fmt.Sprintf("app%d", w.names), Device: "d", Grants: grants, Key: key.public, Algorithm: P256, Lifetime: life, From: "192.0.2.2",
	}, "KNOWN_1")
}

// picture is what can be seen of a registry.
type picture struct {
	Enrollments map[string]*Enrollment
	Keys        map[string]string
	Bootstrap   bootstrap
	Blocked     []atkey.Sign
	Revoked     map[string]time.Time
	Version     uint64
}

func (r *Registry) picture() string {
	s := r.snapshot.Load()
	raw, err := json.Marshal(picture{s.enrollments, s.keys, s.bootstrap, s.blocked, s.revoked, s.version})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// sameWhenReopened compares what is shown with what is stored.
func (w *world) sameWhenReopened(t interface{ Fatalf(string, ...any) }) {
	again, err := Open(w.db, Options{Sign: "@alice", Now: w.Now})
	if err != nil {
		t.Fatalf("reopening: %v", err)
	}
	if got, want := w.Registry.picture(), again.picture(); got != want {
		t.Fatalf("shown:\n%s\nstored:\n%s", got, want)
	}
}

func (w *world) statuses() map[string]Status {
	all := map[string]Status{}
	for _, e := range w.Sorted() {
		_, all[e.ID] = w.Get(e.ID)
	}
	return all
}

// ways is the state machine of the specification, with what time does on its own.
var ways = map[Op]map[Status][]Status{
	Approve:  {Pending: {Approved}},
	Deny:     {Pending: {Denied}},
	Revoke:   {Approved: {Revoked}},
	Unrevoke: {Revoked: {Approved}},
	Delete:   {Denied: {""}, Revoked: {""}, Expired: {""}},
	"time":   {Pending: {Expired}, Approved: {Expired}, Revoked: {Expired}, Denied: {Expired}},
	"sweep":  {Denied: {""}, Expired: {""}},
	"ask":    {"": {Pending}},
	"self":   {"": {Approved}},
	"login":  {},
}

// someGrants are few, so that one often covers another.
var someGrants = rapid.SampledFrom([]Grants{
	Root(), {Manage: ReadWrite}, {Manage: Read, "a": ReadWrite}, {Manage: ReadWrite, "a": ReadWrite, "b.a": Read}, {Any: ReadWrite},
	{Any: Read}, {"a": Read}, {"a": ReadWrite}, {"b.a": ReadWrite}, {"a": ReadWrite, "b.a": Read}, {"b": ReadWrite, Manage: ReadWrite}, {Any: ReadWrite, Manage: Read},
})

// step does something, by somebody, and tells what it was, on whom, by whom and whether it failed.
func (w *world) step(t *rapid.T) (op Op, by Principal, id string, err error) {
	ids := []string{"nosuch"}
	for _, e := range slices.SortedFunc(slices.Values(w.Sorted()), func(a, b *Enrollment) int { return strings.Compare(a.App, b.App) }) {
		ids = append(ids, e.ID)
	}
	anybody := rapid.SampledFrom(ids)
	by = w.app(anybody.Draw(t, "by"))
	switch rapid.IntRange(0, 9).Draw(t, "who") {
	case 0:
		by = Principal{Kind: Operator}
	case 1:
		by = Principal{Kind: CRAM, Sign: "@alice"}
	case 2, 3, 4:
		by = w.app(w.first.ID)
	}
	id = anybody.Draw(t, "target")
	op = rapid.SampledFrom([]Op{Approve, Approve, Approve, Deny, Revoke, Unrevoke, Delete, "time", "sweep", "ask", "ask", "ask", "self", "login"}).Draw(t, "op")
	switch op {
	case Approve:
		err = w.Approve(by, id, WrappedKey{Value: "x"}, WrappedKey{Value: "y"}, "192.0.2.1")
	case Deny:
		err = w.Deny(by, id, "192.0.2.1")
	case Revoke:
		_, err = w.Revoke(by, id, rapid.Bool().Draw(t, "force"), "192.0.2.1")
	case Unrevoke:
		err = w.Unrevoke(by, id, "192.0.2.1")
	case Delete:
		err = w.Delete(by, id, "192.0.2.1")
	case "time":
		w.move(time.Duration(rapid.SampledFrom([]int64{-48, -1, 1, 24, 48, 800}).Draw(t, "hours")) * time.Hour)
	case "sweep":
		err = w.Sweep()
	case "ask":
		_, err = w.request(someGrants.Draw(t, "grants"), time.Duration(rapid.SampledFrom([]int{0, 0, 1, 100}).Draw(t, "life"))*time.Hour)
	case "self":
		by = w.app(id)
		w.names++
		_, err = w.Request(by, Request{App: fmt.Sprintf("self%d", w.names), Device: "d", Key: p256Signer().public, Algorithm: P256}, "")
	case "login":
		const challenge = "c"
		_, err = w.LoginByPKAM(Proof{Enrollment: id, Challenge: challenge, Signature: p256Signer().sign("", challenge)}, "192.0.2.1")
	}
	return op, by, id, err
}

func TestNothingLeavesTheArrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		defer w.db.Close()
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			w.statuses() // the time is known to the registry
			was, shown := w.statuses(), w.picture()
			before := map[string]*Enrollment{}
			maps.Copy(before, w.snapshot.Load().enrollments)
			op, by, id, err := w.step(t)
			what := fmt.Sprintf("%s of %s by %s: %v", op, id, by.Actor(), err)
			now := w.statuses()
			if err != nil && (w.picture() != shown || !maps.Equal(was, now)) {
				t.Fatalf("%s: it failed and left\n%s\nof\n%s", what, w.picture(), shown)
			}
			w.judge(t, what, op, by, id, err, was, now, before)
			w.sameWhenReopened(t)
		}
	})
}

// judge holds what a step did against what it may do.
func (w *world) judge(t *rapid.T, what string, op Op, by Principal, id string, err error, was, now map[string]Status, before map[string]*Enrollment) {
	for one := range maps.Keys(union(was, now)) {
		from, to := was[one], now[one]
		if from == to {
			continue
		}
		if !slices.Contains(ways[op][from], to) {
			t.Fatalf("%s: %s went from %q to %q", what, one, from, to)
		}
		if one != id && op != "time" && op != "sweep" && op != "ask" && op != "self" && op != Revoke {
			t.Fatalf("%s: %s changed", what, one)
		}
	}
	decides := slices.Contains([]Op{Approve, Deny, Revoke, Unrevoke, Delete}, op)
	if err == nil && decides {
		e, actor := before[id], before[by.Enrollment]
		switch {
		case by.Kind == Operator && op != Approve:
		case by.Kind != App || actor == nil || was[actor.ID] != Approved:
			t.Fatalf("%s: and may not act at all", what)
		case actor.ID == id && (op == Revoke || op == Delete):
		case !actor.Grants[Manage].Includes(Read) || !coversByHand(actor.Grants, e.Grants):
			t.Fatalf("%s: by %v over %v", what, actor.Grants, e.Grants)
		}
	}
	roots := 0
	for _, e := range w.Sorted() {
		if e.isLastingRoot() {
			roots++
		}
		if parent := w.snapshot.Load().enrollments[e.Parent]; parent != nil && e.Stored == Approved {
			if !coversByHand(parent.Grants, e.Grants) {
				t.Fatalf("%s: %v let in %v", what, parent.Grants, e.Grants)
			}
			if parent.Stored == Revoked && op != "self" {
				t.Fatalf("%s: %s stands, and %s, who let it in, is revoked", what, e.ID, parent.ID)
			}
		}
	}
	if roots == 0 {
		t.Fatalf("%s: nobody can do everything any more", what)
	}
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// coversByHand tries every right that there is in a small world: who holds one may do nothing that who gave it may not.
func coversByHand(giver, taker Grants) bool {
	if taker[Manage] != None && !giver[Manage].Includes(taker[Manage]) {
		return false
	}
	for _, name := range []string{"x", "x.a", "x.b", "x.c", "x.b.a", "x.c.a", "x.a.b", "x.b.a.b", "x.c.b.a"} {
		for _, access := range []Access{Read, ReadWrite} {
			k := atkey.Key{Name: name, Owner: "@alice"}
			need := Need{kind: needData, access: access, key: k}
			if taker.allow("t", &need) && !giver.allow("g", &need) {
				return false
			}
		}
	}
	return true
}

func TestChangesAtOnceAreAllKept(t *testing.T) {
	w := newWorld(t)
	defer w.db.Close()
	const workers, each = 8, 10
	requests := make([][]Request, workers)
	for i := range requests {
		for j := range each {
			requests[i] = append(requests[i], Request{App: fmt.Sprintf("app%d-%d", i, j), Device: "d", Grants: Grants{"a": Read}, Key: p256Signer().public, Algorithm: P256, From: "192.0.2.2"})
		}
	}
	owner := w.app(w.first.ID)
	var all sync.WaitGroup
	failed := make(chan error, workers*each*3)
	for i := range workers {
		all.Go(func() {
			for j, request := range requests[i] {
				e, err := w.Request(Principal{Kind: Anonymous}, request, "KNOWN_1")
				if err == nil {
					err = w.Approve(owner, e.ID, WrappedKey{Value: "x"}, WrappedKey{Value: "y"}, "192.0.2.1")
				}
				if err == nil {
					err = w.Block(owner, []atkey.Sign{atkey.Sign(fmt.Sprintf("@s%d-%d", i, j))}, nil, "192.0.2.1")
				}
				failed <- err
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
	approved := 0
	for _, status := range w.statuses() {
		if status == Approved {
			approved++
		}
	}
	if approved != workers*each+1 || len(w.Blocked()) != workers*each {
		t.Errorf("%d approved, %d blocked", approved, len(w.Blocked()))
	}
	w.sameWhenReopened(t)
}

// TestOwnersWhoRevokeEachOther leaves one of them, whoever was first.
func TestOwnersWhoRevokeEachOther(t *testing.T) {
	for range 20 {
		w := newWorld(t)
		second, err := w.Request(w.app(w.first.ID), Request{App: "second", Device: "d", Key: p256Signer().public, Algorithm: P256}, "")
		if err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 2)
		var all sync.WaitGroup
		for i, pair := range [][2]string{{w.first.ID, second.ID}, {second.ID, w.first.ID}} {
			all.Go(func() { _, errs[i] = w.Revoke(w.app(pair[0]), pair[1], false, "192.0.2.1") })
		}
		all.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v and %v", errs[0], errs[1])
		}
		w.sameWhenReopened(t)
		w.db.Close()
	}
}

// TestDecisionsKnowTheTimeThatReadersKnow sets the clock back: what readers were told is over stays over for decisions.
func TestDecisionsKnowTheTimeThatReadersKnow(t *testing.T) {
	w := newWorld(t)
	defer w.db.Close()
	owner := w.app(w.first.ID)
	short, err := w.request(Grants{"a": Read}, time.Minute)
	if err == nil {
		err = w.Approve(owner, short.ID, WrappedKey{Value: "x"}, WrappedKey{Value: "y"}, "192.0.2.1")
	}
	if err != nil {
		t.Fatal(err)
	}
	pending, err := w.request(Grants{"a": Read}, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.move(PendingLife)
	for _, id := range []string{short.ID, pending.ID} {
		if _, status := w.Get(id); status != Expired {
			t.Fatalf("%s is %s", id, status)
		}
	}
	w.move(-PendingLife)
	var state *StateError
	if err := w.Approve(owner, pending.ID, WrappedKey{Value: "x"}, WrappedKey{Value: "y"}, "192.0.2.1"); !errors.As(err, &state) {
		t.Errorf("approved a request that was over: %v", err)
	}
	if _, err := w.Revoke(owner, short.ID, false, "192.0.2.1"); !errors.As(err, &state) {
		t.Errorf("revoked what was over: %v", err)
	}
}

// TestEndedIsToldOfWhatReadersSee asks, when it is told that enrollments ended, whether they may act.
func TestEndedIsToldOfWhatReadersSee(t *testing.T) {
	w := newWorld(t)
	defer w.db.Close()
	var told []Status
	w.ended = func(ids []string) {
		for _, id := range ids {
			_, status := w.Get(id)
			told = append(told, status)
		}
	}
	e, err := w.request(Grants{"a": Read}, 0)
	if err == nil {
		err = w.Approve(w.app(w.first.ID), e.ID, WrappedKey{Value: "x"}, WrappedKey{Value: "y"}, "192.0.2.1")
	}
	if err == nil {
		_, err = w.Revoke(w.app(w.first.ID), e.ID, false, "192.0.2.1")
	}
	if err != nil || !reflect.DeepEqual(told, []Status{Revoked}) {
		t.Errorf("%v, %v", told, err)
	}
}
