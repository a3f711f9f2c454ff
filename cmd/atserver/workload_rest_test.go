package main_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// takeBase takes in the records that the server itself and onboarding made.
func (l *load) takeBase() {
	l.t.Helper()
	first := l.workers[0]
	all, _, err := first.page("sync:from:-1:limit:1000")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, got := range all {
		key, _ := got["atKey"].(string)
		id, _ := got["commitId"].(json.Number)
		op, _ := got["operation"].(string)
		e := &entry{name: strings.TrimSuffix(key, "@alice"), raw: got, state: state{record: &record{}, logged: true, op: op}}
		e.id, _ = id.Int64()
		l.base, l.last = append(l.base, e), e.id
	}
	want := []string{"public:signing_publickey@alice", "@alice:signing_privatekey@alice", "public:publickey@alice"}
	if got := list(l.base, owner); !slices.Equal(got, slices.Sorted(slices.Values(want))) || l.base[1].id != 1 {
		l.t.Fatalf("a new server has %q", got)
	}
}

// fatten writes records that do not fit into one page of the log together, and
// take twice their size there, and reads the log with them.
func (l *load) fatten() {
	l.t.Helper()
	w := l.workers[0]
	for i := range 10 {
		e, c, at := &entry{name: fmt.Sprintf("k%d.fat", i)}, change{value: strings.Repeat(`"`, 400_000)}, now()
		next, _ := e.state.update(e.key(), c, at)
		if err := w.send(e, w.command(e, c), next, at); err != nil {
			l.t.Fatal(err)
		}
		l.fat = append(l.fat, e)
	}
	if err := w.wantLog(l.all(), 1000, -1, ""); err != nil {
		l.t.Fatal(err)
	}
}

// all is every key, in the order of the log as far as they are in it.
func (l *load) all() []*entry {
	all := slices.Concat(l.base, l.fat, l.shared)
	for _, w := range l.workers {
		all = append(all, w.own...)
	}
	slices.SortStableFunc(all, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	return all
}

// atRest compares the whole of what the server has while nobody writes.
func (l *load) atRest() {
	l.t.Helper()
	w := l.workers[0]
	// the last entry is first one that sync never skips, then one of a record that stays
	last := w.own[0]
	err := w.send(last, "delete:force:"+last.key(), state{logged: true, op: "-"}, now())
	if err == nil {
		err = w.wantLog(l.all(), 1000, last.id, "")
	}
	at, c := now(), change{value: "last"}
	next, _ := last.state.update(last.key(), c, at)
	if err == nil {
		err = w.send(last, w.command(last, c), next, at)
	}
	if err != nil {
		l.t.Fatalf("at rest: %v", err)
	}
	l.wantIDs()
	all := l.all()
	for _, check := range []func() error{
		func() error { return w.scans(owner, "", list(all, owner)) },
		func() error { return w.scans(ownerForHidden, "", list(all, ownerForHidden)) },
		func() error { return w.scans(stranger, "", list(all, stranger)) },
		func() error { return w.wantLog(all, 1000, -1, "") },
		func() error { return w.wantLog(all, 7+w.random.IntN(200), w.random.Int64N(l.last), "") },
		func() error { return w.wantLog(all, defaultLimit, -1, "") },
		func() error { return w.wantLog(always(all), 1000, -1, ":^none$") },
		func() error { return w.wantLast("stats:3", log(all, -1), false) },
		func() error { return w.wantLast("stats:3:^none$", log(always(all), -1), false) },
		func() error { return w.wantLatest("stats:15", all, false) },
		func() error { return w.wantLatest("stats:15:^none$", always(all), false) },
		func() error { return w.wantTimes(all) },
		func() error { return w.wantRecords(all) },
	} {
		if err := check(); err != nil {
			l.t.Fatalf("at rest: %v", err)
		}
	}
}

func always(entries []*entry) (some []*entry) {
	for _, e := range entries {
		if alwaysThere(e.key()) {
			some = append(some, e)
		}
	}
	return some
}

// wantIDs wants the ids of all writes since the last rest to be all numbers from
// there on, each once.
func (l *load) wantIDs() {
	l.t.Helper()
	var ids []int64
	for _, w := range l.workers {
		ids = append(ids, w.ids...)
		w.ids = nil
	}
	slices.Sort(ids)
	for i, id := range ids {
		if id != l.last+1+int64(i) {
			l.t.Fatalf("commit id %d after %d", id, l.last+int64(i))
		}
	}
	l.last += int64(len(ids))
	for _, w := range l.workers {
		w.last = l.last
	}
}

const (
	budget       = 5 << 20 // bytes that the entries of one page may take
	defaultLimit = 100     // entries of a page, where the client does not say
)

// wantLog reads the log to its end and wants just the entries that are due.
func (w *worker) wantLog(all []*entry, limit int, until int64, expression string) error {
	want, options := log(all, -1), ""
	if limit != defaultLimit {
		options = fmt.Sprintf(":limit:%d", limit)
	}
	if until >= 0 {
		options += fmt.Sprintf(":skipDeletesUntil:%d", until)
		newest := want[len(want)-1]
		want = slices.DeleteFunc(want, func(e *entry) bool { return e.op == "-" && e.id <= until && e != newest })
	}
	from, room := int64(-1), 0 // and what the page before still had room for
	for {
		command := fmt.Sprintf("sync:from:%d%s%s", from, options, expression)
		page, sizes, err := w.page(command)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		if sizes[0] <= room {
			return fmt.Errorf("%s: the page before had room for its first entry of %d bytes", command, sizes[0])
		}
		size := 0
		for i, got := range page {
			for len(want) > 0 && want[0].key() != got["atKey"] && want[0].fades() {
				want[0].state = state{}
				want = want[1:]
			}
			if len(want) == 0 || want[0].key() != got["atKey"] {
				return fmt.Errorf("%s: entry %v of %v is not expected", command, got["commitId"], got["atKey"])
			}
			if err := want[0].wantWhole(got); err != nil {
				return explained(err, command)
			}
			from, want, size = want[0].id, want[1:], size+sizes[i]
		}
		if len(page) > limit || len(page) > 1 && size > budget {
			return fmt.Errorf("%s: %d entries, %d bytes", command, len(page), size)
		}
		room = 0
		if len(page) < limit {
			room = budget - size
		}
	}
	for _, e := range want {
		if !e.fades() {
			return fmt.Errorf("the log to the end: no entry %d of %s", e.id, e.key())
		}
		e.state = state{}
	}
	return nil
}

// wantWhole is wantEntry, which for what was there before is what it was.
func (e *entry) wantWhole(got map[string]any) error {
	if e.raw == nil {
		return e.wantEntry(got)
	}
	if !reflect.DeepEqual(e.raw, got) {
		return fmt.Errorf("%s has changed: %v", e.key(), got)
	}
	return nil
}

// wantTimes wants scan:cl to list the log with its times.
func (w *worker) wantTimes(all []*entry) error {
	payload, refused, err := w.ask(w.owner, "scan:cl:showhidden:true")
	if err != nil {
		return err
	}
	var got []struct {
		AtKey, Operation string
		CommitID         int64
		OpTime           time.Time
	}
	if refused != nil || json.Unmarshal([]byte(payload), &got) != nil {
		return fmt.Errorf("scan:cl: got %.200q, %v", payload, refused)
	}
	want := log(all, -1)
	for _, g := range got {
		for len(want) > 0 && want[0].key() != g.AtKey && want[0].fades() {
			want = want[1:]
		}
		if len(want) == 0 || want[0].key() != g.AtKey || want[0].id != g.CommitID || want[0].op != g.Operation {
			return fmt.Errorf("scan:cl: %+v is not expected", g)
		}
		if when := want[0].when; when != nil && !when.is(g.OpTime.UnixMilli()) {
			return fmt.Errorf("scan:cl: %+v; want time %s", g, shown(moment(*when)))
		}
		want = want[1:]
	}
	for _, e := range want {
		if !e.fades() {
			return fmt.Errorf("scan:cl: no entry %d of %s", e.id, e.key())
		}
	}
	return nil
}

// wantRecords reads each record.
func (w *worker) wantRecords(all []*entry) error {
	for _, e := range all {
		if e.raw != nil {
			continue
		}
		command := "llookup:all:" + e.key()
		payload, refused, err := w.ask(w.owner, command)
		if err == nil {
			err = explained(e.wantRead("all:", payload, refused, false), command)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// adopt finds out what became of the writes that were not acknowledged.
func (l *load) adopt() {
	l.t.Helper()
	w := l.workers[0]
	entries := map[string]map[string]any{}
	for from := int64(-1); ; {
		page, _, err := w.page(fmt.Sprintf("sync:from:%d:limit:1000", from))
		if err != nil {
			l.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, got := range page {
			key, _ := got["atKey"].(string)
			id, _ := got["commitId"].(json.Number)
			from, _ = id.Int64()
			entries[key] = got
		}
	}
	for _, w := range l.workers {
		w.last = 0
	}
	adopted := 0
	for _, e := range l.all() {
		if e.pending == nil {
			continue
		}
		happened, err := w.adopt(e, entries[e.key()])
		if err != nil {
			l.t.Fatal(err)
		}
		if happened {
			adopted++
		}
	}
	l.t.Logf("%d of the writes under way had happened", adopted)
}

// adopt takes the state over that is there: the one before the write, or the one
// after it. Where both could be it, a write that is acknowledged decides.
func (w *worker) adopt(e *entry, got map[string]any) (happened bool, err error) {
	command := "llookup:all:" + e.key()
	payload, refused, err := w.ask(w.owner, command)
	if err != nil {
		return false, err
	}
	fits := func(s state) error {
		copied := &entry{scope: e.scope, name: e.name, state: s}
		if got != nil || s.logged && !copied.fades() {
			if err := copied.wantEntry(got); err != nil {
				return err
			}
		}
		return copied.wantRead("all:", payload, refused, false)
	}
	after := *e.pending
	e.pending = nil
	if id, ok := got["commitId"].(json.Number); ok {
		after.id, _ = strconv.ParseInt(id.String(), 10, 64)
	}
	no, yes := fits(e.state), fits(after)
	switch {
	case no != nil && yes != nil:
		return false, fmt.Errorf("%s is as neither before (%w) nor after (%w) the last write", e.key(), no, yes)
	case no == nil && yes == nil:
		return false, w.send(e, "delete:nc:force:"+e.key(), state{}, now())
	case yes == nil:
		e.state = after
		if after.logged {
			w.ids = append(w.ids, after.id)
		}
	}
	return yes == nil, nil
}
