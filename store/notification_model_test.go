package store

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atserver/store/atkey"
)

// noteModel is what the notifications of a DB are to its callers: a list, by time,
// and which of them goes by an id.
type noteModel struct {
	notes []Notification
	names map[string]time.Time // by id and sender
	last  time.Time
}

func name(n Notification) string { return n.ID + " " + string(n.From) }

func waiting(n Notification) bool { return n.Type == Sent && n.Status == Queued }

func (m *noteModel) at(t time.Time) int {
	return slices.IndexFunc(m.notes, func(n Notification) bool { return n.At.Equal(t) })
}

func (m *noteModel) remove(i int) {
	if n := m.notes[i]; m.names[name(n)].Equal(n.At) {
		delete(m.names, name(n))
	}
	m.notes = slices.Delete(m.notes, i, i+1)
}

func (m *noteModel) enqueue(n Notification) {
	if t, some := m.names[name(n)]; some && !waiting(m.notes[m.at(t)]) {
		m.remove(m.at(t))
	}
	m.notes = append(m.notes, n)
	m.names[name(n)], m.last = n.At, n.At
}

func (m *noteModel) settle(n Notification, status NotificationStatus) {
	i := m.at(n.At)
	if !m.names[name(n)].Equal(n.At) {
		m.remove(i)
	} else {
		m.notes[i].Status = status
	}
}

func (m *noteModel) trim(n Notification) {
	var of []Notification
	for _, o := range m.notes {
		if waiting(o) && o.To == n.To && o.Latest && o.Notifier == n.Notifier {
			of = append(of, o)
		}
	}
	for i := 0; i <= len(of)-max(n.Depth, 1); i++ {
		m.settle(of[i], Errored)
	}
}

func (m *noteModel) next(to atkey.Sign) (Notification, bool) {
	for _, n := range m.notes {
		if waiting(n) && n.To == to {
			return n, true
		}
	}
	return Notification{}, false
}

func (m *noteModel) counts(now time.Time) NotificationCounts {
	c := NotificationCounts{Types: map[NotificationType]int{}, Statuses: map[NotificationStatus]int{}}
	for _, n := range m.notes {
		c.add(n.flags(), n.Expired(now))
	}
	return c
}

func (m *noteModel) clone() *noteModel {
	return &noteModel{slices.Clone(m.notes), maps.Clone(m.names), m.last}
}

func genNote(t *rapid.T, now time.Time) Notification {
	pick := func(of []string, what string) string { return rapid.SampledFrom(of).Draw(t, what) }
	n := Notification{
		ID: pick([]string{"a", "ab", "b"}, "id"), From: me, To: atkey.Sign(pick([]string{"@bob", "@bo", "@carol"}, "to")),
		Key: pick([]string{"@bob:Phone.wavi@alice", "text"}, "key"), Type: Sent, Op: NotifyUpdate, Priority: Low, Depth: 1, Notifier: "SYSTEM",
		Life: time.Minute, Expires: now.Add(time.Duration(rapid.IntRange(-1, 9).Draw(t, "lives")) * time.Second),
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		n.Type, n.Status, n.From, n.To = Received, Delivered, "@bob", me
	case 1:
		n.Type, n.Status, n.To, n.Text = Internal, Delivered, me, true
	case 2, 3:
		n.Latest, n.Depth, n.Notifier = true, rapid.IntRange(1, 2).Draw(t, "depth"), pick([]string{"x", "y"}, "notifier")
	case 4:
		n.Op = NotifyDelete
	}
	if size := rapid.SampledFrom([]int{-1, 0, 5, chunkSize, chunkSize + 1}).Draw(t, "size"); size >= 0 {
		n.Value = bytes.Repeat([]byte{'v'}, size)
	}
	n.Until = rapid.Bool().Draw(t, "until")
	if rapid.Bool().Draw(t, "has metadata") {
		ttl := int64(rapid.IntRange(0, 9).Draw(t, "ttl"))
		n.Meta = &Meta{TTL: &ttl, IVNonce: "iv", CreatedAt: now, AppMetadata: []byte("{}")}
	}
	return n
}

// changeNotes does one thing to both.
func changeNotes(t *rapid.T, tx *Tx, m *noteModel) {
	switch rapid.IntRange(0, 5).Draw(t, "change") {
	case 0, 1, 2:
		n := genNote(t, tx.Now())
		if n.Latest {
			must(t, tx.TrimQueue(n))
			m.trim(n)
		}
		must(t, tx.Enqueue(&n))
		if !n.At.After(m.last) || n.At.Before(tx.Now()) || n.At.After(tx.Now()) && n.At.Sub(m.last) != time.Millisecond {
			t.Fatalf("%v at %v follows %v", n.At, tx.Now(), m.last)
		}
		m.enqueue(n)
	case 3:
		to := rapid.SampledFrom([]atkey.Sign{"@bob", "@bo", "@carol"}).Draw(t, "of")
		want, some := m.next(to)
		got, err := tx.NextFor(to)
		if !some && err == ErrNotFound {
			return
		}
		must(t, err)
		sameNote(t, tx, got, want)
		status := rapid.SampledFrom([]NotificationStatus{Delivered, Errored}).Draw(t, "status")
		must(t, tx.Settle(got, status))
		m.settle(got, status)
	case 4, 5:
		id := rapid.SampledFrom([]string{"a", "ab", "b"}).Draw(t, "id")
		n, err := tx.Notification(id)
		if err == ErrNotFound {
			return
		}
		must(t, err)
		must(t, tx.RemoveNotification(n))
		m.remove(m.at(n.At))
	}
}

func sameNote(t *rapid.T, tx *Tx, got, want Notification) {
	if got.Size() != len(want.Value) {
		t.Fatalf("%d bytes, want %d", got.Size(), len(want.Value))
	}
	must(t, tx.LoadNotification(&got))
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %+v\nwant %+v, %+v", got, got.Meta, want, want.Meta)
	}
}

func compareNotes(t *rapid.T, tx *Tx, m *noteModel) {
	after, upTo := time.UnixMilli(0), m.last
	if len(m.notes) > 0 {
		if rapid.Bool().Draw(t, "after one") {
			after = rapid.SampledFrom(m.notes).Draw(t, "after").At
		}
		if rapid.Bool().Draw(t, "up to one") {
			upTo = rapid.SampledFrom(m.notes).Draw(t, "up to").At
		}
	}
	want := slices.DeleteFunc(slices.Clone(m.notes), func(n Notification) bool { return !n.At.After(after) || n.At.After(upTo) })
	for n, err := range tx.Notifications(after, upTo) {
		must(t, err)
		if len(want) == 0 {
			t.Fatalf("%+v is too much", n)
		}
		sameNote(t, tx, n, want[0])
		want = want[1:]
	}
	if len(want) > 0 {
		t.Fatalf("%d are missing", len(want))
	}
	var to, wanted []atkey.Sign
	for sign, err := range tx.Waiting() {
		must(t, err)
		to = append(to, sign)
	}
	for _, sign := range []atkey.Sign{"@bo", "@bob", "@carol"} {
		if n, some := m.next(sign); some {
			wanted = append(wanted, sign)
			got, err := tx.NextFor(sign)
			must(t, err)
			sameNote(t, tx, got, n)
		}
	}
	slices.Sort(to)
	if !slices.Equal(to, wanted) {
		t.Fatalf("notifications wait for %v, want %v", to, wanted)
	}
	if counts, err := tx.CountNotifications(); err != nil || !reflect.DeepEqual(counts, m.counts(tx.Now())) {
		t.Fatalf("counted %+v, %v\nwant %+v", counts, err, m.counts(tx.Now()))
	}
}

// TestNotificationModel drives the notifications of a database and a list with the
// same operations.
func TestNotificationModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "notes")
		must(t, err)
		defer os.RemoveAll(dir)
		now := time.UnixMilli(1_700_000_000_000).UTC()
		m, told := &noteModel{names: map[string]time.Time{}}, []time.Time(nil)
		opts := Options{Sign: me, Now: func() time.Time { return now }, Notified: func(n Notification) { told = append(told, n.At) }}
		if rapid.IntRange(0, 3).Draw(t, "on disk") == 0 {
			opts.Dir = dir
		}
		db, err := Open(opts)
		must(t, err)
		defer func() { db.Close() }()
		update := func(fails bool) func(*rapid.T) {
			return func(t *rapid.T) {
				tried, before := m.clone(), len(told)
				err := db.Update(func(tx *Tx) error {
					for range rapid.IntRange(0, 4).Draw(t, "changes") {
						changeNotes(t, tx, tried)
					}
					compareNotes(t, tx, tried)
					if fails {
						return errWanted
					}
					return nil
				})
				if fails && (err != errWanted || len(told) != before) {
					t.Fatalf("%v, and somebody was told of %v", err, told[before:])
				}
				if !fails {
					must(t, err)
					m = tried
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"update": update(false), "another update": update(false), "update, failing": update(true),
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			},
			"sweep": func(t *rapid.T) {
				n, err := db.SweepNotifications(now)
				before := len(m.notes)
				for i := before - 1; i >= 0; i-- {
					if m.notes[i].Expired(now) {
						m.remove(i)
					}
				}
				if err != nil || n != before-len(m.notes) {
					t.Fatalf("sweep took %d, %v; want %d", n, err, before-len(m.notes))
				}
			},
			"reopen": func(t *rapid.T) {
				if opts.Dir == "" {
					return
				}
				must(t, db.Close())
				var err error
				db, err = Open(opts)
				must(t, err)
			},
			"": func(t *rapid.T) {
				must(t, db.View(func(tx *Tx) error { compareNotes(t, tx, m); return nil }))
				if !slices.IsSortedFunc(told, time.Time.Compare) {
					t.Fatalf("told of %v", told)
				}
			},
		})
		must(t, db.View(func(tx *Tx) error { return errors.Join(noOrphans(tx, 0), noStrayNotes(tx, m)) }))
	})
}

// noStrayNotes checks that rows hang on notifications and on nothing else.
func noStrayNotes(tx *Tx, m *noteModel) error {
	notes, due, queued, wait := 0, 0, 0, 0
	err := tx.scan(nil, nil, keysOnly, func(p pair) bool {
		switch p.key[0] {
		case rowNote:
			notes++
		case rowNoteDue:
			due++
		case rowQueue:
			queued++
		}
		return true
	})
	for _, n := range m.notes {
		if waiting(n) {
			wait++
		}
	}
	if err != nil || notes != len(m.notes) || due != notes || queued != wait {
		return errors.Join(err, errors.New("rows of notifications do not fit"))
	}
	return nil
}

// Ephemeral notifications are read like all others and are on disk never.
func TestEphemeral(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000).UTC()
	db, err := Open(Options{Sign: me, Now: func() time.Time { return now }})
	must(t, err)
	defer db.Close()
	for i := range 4 {
		must(t, db.Update(func(tx *Tx) error {
			n := Notification{ID: string(rune('a' + i)), From: me, To: "@bob", Key: "x", Type: Sent, Op: NotifyUpdate, Expires: now.Add(time.Minute), Ephemeral: i%2 == 0}
			return tx.Enqueue(&n)
		}))
	}
	order := ""
	for range 4 {
		must(t, db.Update(func(tx *Tx) error {
			n, err := tx.NextFor("@bob")
			must(t, err)
			order += n.ID
			return tx.Settle(n, Delivered)
		}))
	}
	all := ""
	must(t, db.View(func(tx *Tx) error {
		for n, err := range tx.Notifications(time.UnixMilli(0), now.Add(time.Hour)) {
			must(t, err)
			all += n.ID
			if n.Status != Delivered {
				t.Errorf("%s has status %d", n.ID, n.Status)
			}
		}
		return noStrayNotes(tx, &noteModel{notes: []Notification{{}, {}}})
	}))
	if order != "abcd" || all != "abcd" {
		t.Errorf("sent in the order %s, listed as %s", order, all)
	}
	now = now.Add(time.Minute)
	must(t, db.View(func(tx *Tx) error {
		if _, err := tx.Notification("a"); err != ErrNotFound {
			t.Errorf("an expired one is found: %v", err)
		}
		return nil
	}))
}

// Of ephemeral notifications only so many bytes are kept.
func TestEphemeralBound(t *testing.T) {
	db := memory(t)
	for i := range 10 {
		must(t, db.Update(func(tx *Tx) error {
			n := Notification{ID: string(rune('a' + i)), From: me, To: me, Type: Received, Op: NotifyUpdate, Expires: tx.Now().Add(time.Minute), Ephemeral: true, Value: make([]byte, 1<<20)}
			return tx.Enqueue(&n)
		}))
	}
	if db.fleeting.bytes > maxFleeting || len(db.fleeting.all()) != 3 {
		t.Errorf("%d notifications, %d bytes", len(db.fleeting.all()), db.fleeting.bytes)
	}
}
