package server

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// stored tells whether the store still holds a key, expired or not.
func (s *Server) stored(t *testing.T, name string) bool {
	t.Helper()
	key, err := atkey.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	err = s.db.View(func(tx *store.Tx) error {
		_, err := tx.Get(key)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// What has expired is removed at the first step after a sweep is due.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := start(t, Options{SweepEvery: time.Minute})
	b.step(0)
	c := b.owner()
	c.send("update:ttl:10000:public:brief@alice words\nupdate:public:lasting@alice words\n")
	for range 2 {
		c.line()
		c.want("@alice@")
	}
	b.wantBusy(0)
	steps := []struct {
		after time.Duration
		there bool
	}{
		{9 * time.Second, true},
		{time.Second, true}, // expired
		{49 * time.Second, true},
		{999 * time.Millisecond, true},
		{time.Millisecond, false},
	}
	for i, step := range steps {
		b.step(step.after)
		if b.stored(t, "public:brief@alice") != step.there || !b.stored(t, "public:lasting@alice") {
			t.Errorf("step %d: it is there: %v", i, !step.there)
		}
	}
	if strings.Count(b.log.String(), "Expired records removed") != 1 {
		t.Error("a sweep that removed something is logged, once")
	}
}

// The janitor of a running server comes every five seconds, without being asked.
func TestJanitor(t *testing.T) {
	inBubble(t, Options{SweepEvery: 10 * time.Second, AnonymousIdle: 12 * time.Second}, nil, func(b *bubble) {
		began := time.Now()
		c := b.stranger()
		err := b.db.Update(func(tx *store.Tx) error {
			key, err := atkey.Parse("public:brief@alice")
			if err == nil {
				_, err = tx.Put(store.Record{Key: key, Value: []byte("words"), Meta: store.Meta{ExpiresAt: tx.Now().Add(7 * time.Second)}}, store.OpUpdate, "test")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(b.authority.CertFile()); err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			at                         time.Duration
			noticed, stored, connected bool
		}{
			{4999 * time.Millisecond, false, true, true},
			{5001 * time.Millisecond, true, true, true}, // the first sweep is too early for it
			{14999 * time.Millisecond, true, true, true},
			{15001 * time.Millisecond, true, false, false},
		}
		for _, step := range steps {
			time.Sleep(time.Until(began.Add(step.at)))
			synctest.Wait()
			noticed := strings.Contains(b.log.String(), "Certificate not reloaded")
			if noticed != step.noticed || b.stored(t, "public:brief@alice") != step.stored || (len(b.places()) == 1) != step.connected {
				t.Errorf("at %s: certificate noticed %v, %d places", step.at, noticed, len(b.places()))
			}
		}
		c.wantEnd()
		b.wantGone(began, 15001*time.Millisecond, Idle)
	})
}

// A fault in a step is logged, and the next step is made all the same.
func TestFaultOfTheJanitor(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.stranger()
	b.pass(11 * time.Minute)
	b.clock.breakIn("atserver/server.(*Server).tick")
	b.tick()
	if log := b.log.String(); !strings.Contains(log, "Janitor panicked") || !strings.Contains(log, "the clock is broken") {
		t.Error("not logged")
	}
	b.tick()
	c.wantEnd()
	b.wantEnded(Idle, 1)
}

// A step that fails is logged and does not keep the others from being made.
func TestFailingSteps(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.stranger()
	b.wantBusy(0)
	if err := os.RemoveAll(b.authority.folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.authority.folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.step(leafLife)
	c.wantEnd()
	b.wantEnded(Idle, 1)
	for _, line := range []string{"Own certificate not renewed", "Certificate not reloaded"} {
		if !strings.Contains(b.log.String(), line) {
			t.Errorf("not logged: %s", line)
		}
	}
	if b.Server.swept != b.clock.now() {
		t.Error("not swept")
	}
}
