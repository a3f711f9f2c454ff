package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"atserver/store/atkey"
)

// heldIsRight compares what was counted all along with what is there.
func heldIsRight(tx *Tx) error {
	want, err := tx.countHeld()
	if err != nil {
		return err
	}
	got := map[atkey.Sign]Held{}
	var failed error
	err = tx.scan([]byte{rowHeld}, nil, keysOnly, func(p pair) bool {
		of := atkey.Sign(p.key[1:])
		got[of], failed = tx.held(of)
		return failed == nil
	})
	if err = errors.Join(err, failed); err == nil && !maps.Equal(got, want) {
		err = fmt.Errorf("counted %v, there are %v", got, want)
	}
	return err
}

// TestHeld: what is kept of others is counted for each of them and for all, on disk and in memory, and no more when
// it is gone. What is the owner's own is not.
func TestHeld(t *testing.T) {
	now := time.Now()
	db, err := Open(Options{Sign: me, Now: func() time.Time { return now }})
	must(t, err)
	defer db.Close()
	note := func(id string, from atkey.Sign, size int, ephemeral bool) Notification {
		return Notification{
			ID: id, From: from, To: me, Key: "@alice:x.wavi" + string(from), Type: Received, Op: NotifyUpdate, Notifier: "n",
			Expires: now.Add(time.Minute), Value: bytes.Repeat([]byte("v"), size), Ephemeral: ephemeral,
		}
	}
	must(t, db.Update(func(tx *Tx) error {
		for _, n := range []Notification{note("1", "@bob", 10, false), note("2", "@bob", 3*chunkSize, false), note("3", "@carol", 10, false),
			note("4", "@bob", 1000, true), note("5", me, 10, false), note("6", me, 10, true)} {
			must(t, tx.Enqueue(&n))
		}
		for _, k := range []string{"cached:@alice:x.wavi@bob", "cached:public:x.wavi@bob", "x.wavi@alice", "@bob:x.wavi@alice"} {
			_, err := tx.Put(Record{Key: parse(t, k), Value: bytes.Repeat([]byte("v"), 2*chunkSize), Meta: Meta{ExpiresAt: now.Add(time.Minute)}}, OpUpdateAll, "e")
			must(t, err)
		}
		return nil
	}))
	want := func(of atkey.Sign, notes, noteBytes, copies, copyBytes, ephemeral int64) {
		t.Helper()
		must(t, db.View(func(tx *Tx) error {
			h, err := tx.Held(of)
			near := func(got, want int64) bool { return got >= want && got <= want+2000 && (got == 0) == (want == 0) }
			if h.Notes != notes || h.Copies != copies || !near(h.NoteBytes, noteBytes) || !near(h.CopyBytes, copyBytes) || !near(h.EphemeralNoteBytes, ephemeral) {
				t.Errorf("%q: %+v", of, h)
			}
			return errors.Join(err, heldIsRight(tx))
		}))
	}
	want("@bob", 2, 10+3*chunkSize, 2, 4*chunkSize, 1000)
	want("@carol", 1, 10, 0, 0, 0)
	want(me, 0, 0, 0, 0, 0)
	want("", 3, 20+3*chunkSize, 2, 4*chunkSize, 1000)
	must(t, db.Update(func(tx *Tx) error {
		_, err := tx.Put(Record{Key: parse(t, "cached:@alice:x.wavi@bob"), Value: []byte("v"), Meta: Meta{ExpiresAt: now.Add(time.Minute)}}, OpUpdateAll, "e")
		must(t, err)
		_, _, err = tx.Delete(parse(t, "cached:public:x.wavi@bob"), OpDelete, "e")
		must(t, err)
		n := note("2", "@bob", 5, false)
		return tx.Enqueue(&n)
	}))
	want("@bob", 2, 15, 1, 1, 1000)
	now = now.Add(time.Hour)
	_, err = db.Sweep(now)
	must(t, err)
	_, err = db.SweepNotifications(now)
	must(t, err)
	want("", 0, 0, 0, 0, 0)
}

// TestCountAll counts what was there before anybody counted.
func TestCountAll(t *testing.T) {
	o := Options{Dir: t.TempDir(), Sign: me}.defaults()
	db, err := open(o, steps[:1])
	must(t, err)
	must(t, db.Update(func(tx *Tx) error {
		for i := range 3 {
			from := atkey.Sign(fmt.Sprintf("@peer%d", i))
			must(t, tx.Enqueue(&Notification{ID: "1", From: from, To: me, Key: "k", Type: Received, Expires: time.Now().Add(time.Hour), Value: bytes.Repeat([]byte("v"), 2*chunkSize)}))
			_, err := tx.Put(Record{Key: parse(t, "cached:public:x"+string(from)), Value: []byte("v")}, OpUpdateAll, "e")
			must(t, err)
		}
		return nil
	}))
	must(t, db.Update(func(tx *Tx) error { return tx.each([]byte{rowHeld}, tx.remove) }))
	must(t, db.Close())
	db, err = open(o, steps)
	must(t, err)
	defer db.Close()
	must(t, db.View(func(tx *Tx) error {
		if h, err := tx.Held(""); h.Notes != 3 || h.Copies != 3 || h.NoteBytes < 6*chunkSize || err != nil {
			t.Errorf("%+v, %v", h, err)
		}
		return heldIsRight(tx)
	}))
}
