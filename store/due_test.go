package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

func lives(k atkey.Key, value string, from, to time.Time) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Put(Record{Key: k, Value: []byte(value), Meta: Meta{AvailableAt: from, ExpiresAt: to}}, OpUpdateAll, "")
		return err
	}
}

func TestState(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	before, after := now.Add(-time.Millisecond), now.Add(time.Millisecond)
	var never time.Time
	for _, c := range []struct {
		from, to time.Time
		want     State
	}{
		{never, never, Active},
		{before, after, Active},
		{now, after, Active},
		{after, never, Unborn},
		{never, now, Expired},
		{never, before, Expired},
		{after, before, Expired},
	} {
		if got := (Meta{AvailableAt: c.from, ExpiresAt: c.to}).State(now); got != c.want {
			t.Errorf("from %v to %v: %v, want %v", c.from, c.to, got, c.want)
		}
		db := memory(t)
		must(t, db.Update(lives(self("x"), "v", c.from, c.to)))
		must(t, db.View(func(tx *Tx) error {
			for e, err := range tx.Keys(Filter{}) {
				must(t, err)
				if got := e.State(now); got != c.want {
					t.Errorf("listed from %v to %v: %v, want %v", c.from, c.to, got, c.want)
				}
			}
			return nil
		}))
	}
}

// A sweep goes in steps, with other updates in between, and takes all that is due,
// at its millisecond, with its entry and its chunks, and nothing else.
func TestSweepInSteps(t *testing.T) {
	db := memory(t)
	now := time.UnixMilli(1_700_000_000_000)
	const n = 1300
	for i := range n {
		value := "v"
		if i%100 == 0 {
			value = strings.Repeat("v", 40*chunkSize)
		}
		must(t, db.Update(lives(self(fmt.Sprint("due", i)), value, time.Time{}, now.Add(-time.Duration(i)*time.Hour))))
	}
	must(t, db.Update(lives(self("later"), "v", time.Time{}, now.Add(time.Millisecond))))
	must(t, db.Update(lives(self("ancient"), "v", time.Time{}, time.UnixMilli(-5))))
	must(t, db.Update(put("ever", "v")))
	must(t, db.Update(func(tx *Tx) error { // one step
		_, more, err := tx.sweep(now)
		if wrote := len(tx.journal); !more || wrote < 100 || wrote > sweepWrites+400 { // the last record has many chunks
			t.Errorf("a step wrote %d rows, more: %v", wrote, more)
		}
		return err
	}))
	got, err := db.Sweep(now)
	if err != nil || got == 0 || got >= n+1 {
		t.Fatalf("swept %d after a step, %v", got, err)
	}
	if got, err := db.Sweep(now); err != nil || got != 0 {
		t.Errorf("swept %d more, %v", got, err)
	}
	must(t, db.View(func(tx *Tx) error {
		keys, entries := 0, 0
		for _, err := range tx.Keys(Filter{}) {
			must(t, err)
			keys++
		}
		for _, err := range tx.Commits(-1) {
			must(t, err)
			entries++
		}
		if keys != 2 || entries != 2 {
			t.Errorf("%d keys and %d entries are left", keys, entries)
		}
		return noOrphans(tx, 2)
	}))
}

// A due time from before a record was put again does not touch the record.
func TestOldDueTime(t *testing.T) {
	db := memory(t)
	now := time.UnixMilli(1_700_000_000_000)
	must(t, db.Update(lives(self("x"), "1", time.Time{}, now)))
	must(t, db.Update(lives(self("x"), "2", time.Time{}, now.Add(time.Hour))))
	must(t, db.Update(lives(self("y"), "1", time.Time{}, now)))
	must(t, db.Update(put("y", "2")))
	for _, name := range []string{"x", "y", "z"} { // rows that ought not to be there
		suffix, err := db.layout.suffix(self(name))
		must(t, err)
		must(t, db.Update(func(tx *Tx) error { return tx.schedule(suffix, now) }))
	}
	if n, err := db.Sweep(now); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	must(t, db.View(func(tx *Tx) error {
		for _, name := range []string{"x", "y"} {
			if r, err := tx.Get(self(name)); string(r.Value) != "2" {
				t.Errorf("%s is %q, %v", name, r.Value, err)
			}
		}
		return noOrphans(tx, 2)
	}))
}

// What Badger says reaches the log, a line each, and tells no name of a record.
func TestLog(t *testing.T) {
	var log strings.Builder
	dir := t.TempDir()
	for range 2 {
		db, err := Open(Options{Dir: dir, Sign: me, Log: zerolog.New(&log).Level(zerolog.DebugLevel)})
		must(t, err)
		must(t, db.Update(put("secretname", "secretvalue")))
		must(t, db.Close())
	}
	if !strings.Contains(log.String(), `"badger":"All `) || strings.Contains(log.String(), "secret") {
		t.Errorf("log:\n%s", log.String())
	}
	log.Reset()
	l := &logger{log: zerolog.New(&log)}
	l.Warningf("a\n %d", 1)
	l.Errorf("b\n %d\n", 2)
	l.Errorf("c")
	if want := "{\"level\":\"warn\",\"badger\":\"a 1\",\"message\":\"database\"}\n{\"level\":\"error\",\"badger\":\"b 2\",\"message\":\"database\"}\n{\"level\":\"error\",\"badger\":\"c\",\"message\":\"database\"}\n"; log.String() != want || l.first() != "b 2" {
		t.Errorf("log %q, first error %q", log.String(), l.first())
	}
}
