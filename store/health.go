package store

import (
	"errors"
	"time"
)

// Health returns nil when the database can be written, else what the latest write
// failed with. The audit chain is written with the changes that it tells of, so
// it works exactly when they do; reads go on in any case. A full disk is asked
// for again, for nobody may write until it is said to be over; else this touches
// no disk, and the next write that succeeds ends the fault.
func (db *DB) Health() error {
	select {
	case <-db.writer.quit:
		return ErrClosed
	default:
	}
	fault := db.writer.fault.Load()
	if fault == nil {
		return nil
	}
	if errors.Is(*fault, ErrNoSpace) && db.dir != "" {
		return checkSpace(db.dir, reserve)
	}
	return *fault
}

// note remembers what came of the commit of a batch that began at a time.
func (w *writer) note(b *batch, err error, begun time.Time) {
	if err != nil {
		w.fault.Store(&err)
		return
	}
	if w.fault.Load() != nil {
		w.fault.Store(nil)
	}
	if w.db.committed == nil {
		return
	}
	updates := 0
	for _, r := range b.requests {
		if r.err == nil {
			updates++
		}
	}
	w.db.committed(updates, w.clock().Sub(begun))
}
