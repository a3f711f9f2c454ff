package verbs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"atserver/store"
	"atserver/store/atkey"
)

// atOnce is how many copies are refreshed at the same time.
const atOnce = 4

// Refresh asks anew for the copies that are due at now. What is no more goes, what
// changed is replaced, and what cannot be asked for stays. It tells how many it
// asked for.
func (e *Env) Refresh(ctx context.Context, now time.Time) (int, error) {
	due, err := e.dueCopies(now)
	if err != nil {
		return 0, err
	}
	var work errgroup.Group
	work.SetLimit(atOnce)
	for _, k := range due {
		if ctx.Err() != nil {
			break
		}
		work.Go(func() error { return e.refresh(ctx, k) })
	}
	return len(due), work.Wait()
}

// dueCopies lists the copies that are alive and past their time, or have none.
func (e *Env) dueCopies(now time.Time) (due []atkey.Key, err error) {
	yes := true
	err = e.DB.View(func(tx *store.Tx) error {
		for entry, err := range tx.Keys(store.Filter{Cached: &yes}) {
			if err != nil {
				return err
			}
			r, err := tx.Peek(entry.Key)
			if err != nil {
				return err
			}
			m := r.Meta
			if m.State(now) == store.Active && (m.TTR == nil || *m.TTR != -1) && !m.RefreshAt.After(now) {
				due = append(due, entry.Key)
			}
		}
		return nil
	})
	return due, err
}

func (e *Env) refresh(ctx context.Context, k atkey.Key) (err error) {
	defer func() {
		if p := recover(); p != nil { // one record must not end the server
			err = fmt.Errorf("refreshing a copy panicked: %v", p)
		}
	}()
	of := k
	of.Cached = false
	r, _, err := e.fetch(ctx, of)
	if isMissing(err) {
		return e.dropCopy(of, byServer)
	}
	if err != nil {
		return nil
	}
	changed := false
	err = e.DB.View(func(tx *store.Tx) error {
		old, err := tx.Get(k)
		changed = err == nil && !bytes.Equal(old.Value, r.Value)
		return err
	})
	if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
		return nil
	}
	if err != nil || !changed {
		return err
	}
	return e.keepCopy(r, byServer)
}
