package store

import (
	"errors"
	"testing"
	"time"
)

// Figures count what happened, and how updates shared commits.
func TestFigures(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	var groups []int
	var times []time.Duration
	db, err := Open(Options{
		Dir: t.TempDir(), Sign: me,
		Now: func() time.Time { now = now.Add(time.Millisecond); return now },
		Committed: func(updates int, took time.Duration) {
			groups, times = append(groups, updates), append(times, took)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	figures := func() Figures {
		t.Helper()
		f, err := db.Figures()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	before := figures()
	groups, times = nil, nil
	fails := func(tx *Tx) error { return errors.Join(put("w", "1")(tx), errWanted) }
	for _, err := range batchOf(db, put("x", "1"), fails, put("y", "1"), audit) {
		if err != nil && !errors.Is(err, errWanted) {
			t.Fatal(err)
		}
	}
	if err := db.Update(func(*Tx) error { return nil }); err != nil { // writes nothing
		t.Fatal(err)
	}
	note := Notification{ID: "1", From: me, To: "@bob", Type: Sent, Op: NotifyUpdate, Key: "@bob:x@alice", Notifier: "n", Expires: now.Add(time.Hour)}
	if err := db.Update(func(tx *Tx) error { return tx.Enqueue(&note) }); err != nil {
		t.Fatal(err)
	}
	if len(groups) != 2 || groups[0] != 3 || groups[1] != 1 || times[0] <= 0 || times[1] <= 0 {
		t.Errorf("commits of %v updates took %v", groups, times)
	}
	after := figures()
	if after.Commits != before.Commits+2 || after.Audits != before.Audits+1 || after.Queued != before.Queued+1 {
		t.Errorf("%+v after %+v", after, before)
	}
	if ownSync && after.Syncs != before.Syncs+2 {
		t.Errorf("%d syncs after %d", after.Syncs, before.Syncs)
	}
	size, err := db.Size()
	if sum := after.Tables + after.Log + after.ValueLog + after.Other; err != nil || sum != size || after.Log == 0 || after.Free <= 0 {
		t.Errorf("%+v on disk make %d, all files %d: %v", after, sum, size, err)
	}
	if err := db.Update(func(tx *Tx) error { return tx.Settle(note, Delivered) }); err != nil {
		t.Fatal(err)
	}
	if f := figures(); f.Queued != before.Queued {
		t.Errorf("%d wait", f.Queued)
	}
}
