package store

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// writer is the one goroutine that changes the database. Whoever calls Update
// waits for a turn; the writer gives turns to all that wait, one after the other,
// on one Badger transaction, commits once, syncs once, and answers all.
//
// A function runs on the goroutine of its caller, while the writer stands still.
// So a panic, or a test that ends its goroutine, unwinds where it belongs.
type writer struct {
	db     *DB
	kv     *badger.DB
	clock  func() time.Time
	wal    *wal
	room   func() error // refuses when there is none, called before each commit
	queue  chan *request
	quit   chan struct{}         // closed to end the writer
	done   chan struct{}         // closed when it has ended
	latest atomic.Int64          // instant of the latest update, in milliseconds since 1970
	fault  atomic.Pointer[error] // what the latest write failed with, nil if it did not
	syncs  atomic.Int64          // how many there were

	// Owned by the goroutine.
	seq    counters // as on disk
	broken error    // a commit failed halfway: nothing is written any more
}

// request is an update that waits.
type request struct {
	fn    func(*Tx) error
	turn  chan *Tx      // to the caller: run fn on this
	ran   chan error    // from the caller: this came of it, errGone if it will not come back
	reply chan error    // to the caller: the update is done
	hooks []func()      // run by the caller once it has a reply of nil
	idle  chan struct{} // from the caller: the hooks have run
	err   error

	changes []Change // told of by the caller after that
}

// Update runs fn on a state that no other update changes meanwhile, and returns
// when what fn wrote is on disk. When fn returns an error or panics, nothing of it
// is kept; Update returns the error, a panic goes on. fn may be run more than
// once, so it starts from what it reads and keeps nothing. It must not call
// Update, and the Tx is of no use after it.
func (db *DB) Update(fn func(*Tx) error) error {
	r := newRequest(fn)
	select {
	case db.writer.queue <- r:
		err := r.wait()
		if err == nil {
			db.tell(r.changes)
		}
		return err
	case <-db.writer.quit:
		return ErrClosed
	}
}

func (db *DB) tell(changes []Change) {
	if db.changed == nil {
		return
	}
	for _, c := range changes {
		db.changed(c)
	}
}

func newRequest(fn func(*Tx) error) *request {
	return &request{fn: fn, turn: make(chan *Tx), ran: make(chan error), reply: make(chan error), idle: make(chan struct{})}
}

// wait takes the turns that the writer gives, until there is a reply.
func (r *request) wait() error {
	for {
		select {
		case tx := <-r.turn:
			r.run(tx)
		case err := <-r.reply:
			r.after(err)
			return err
		}
	}
}

// run takes the turn. Should fn not return, the writer is told all the same.
func (r *request) run(tx *Tx) {
	err := errGone
	defer func() { r.ran <- err }()
	err = r.fn(tx)
}

// after runs the hooks while the writer waits.
func (r *request) after(err error) {
	if err != nil || len(r.hooks) == 0 {
		return
	}
	defer close(r.idle)
	for _, f := range r.hooks {
		f()
	}
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case r := <-w.queue:
			w.serve(r)
		case <-w.quit:
			return
		}
	}
}

// serve makes a batch of first and all that wait behind it. Should that overflow,
// its updates are run again, each alone.
func (w *writer) serve(first *request) {
	b := w.begin()
	for r := first; r != nil; r = w.waiting(b) {
		b.run(r)
	}
	if !b.overflow && b.seal() == nil {
		w.finish(b, w.commit(b))
		return
	}
	b.txn.Discard()
	for _, r := range b.requests {
		if r.err == errGone {
			continue
		}
		b := w.begin()
		b.alone = true
		b.run(r)
		err := b.seal()
		if err == nil {
			err = w.commit(b)
		}
		w.finish(b, err)
	}
}

// waiting returns the next request for a batch, nil when it is time to commit.
func (w *writer) waiting(b *batch) *request {
	if b.full() {
		return nil
	}
	select {
	case r := <-w.queue:
		return r
	default:
		return nil
	}
}

// commit brings what the batch wrote to disk.
func (w *writer) commit(b *batch) (err error) {
	if b.writes == 0 {
		w.seq.noted = b.seq.noted // of notifications in memory
		return nil
	}
	begun := w.clock()
	defer func() { w.note(b, err, begun) }()
	if w.broken != nil {
		return w.broken
	}
	w.seq.large = b.seq.large // used up, whatever comes of it
	for _, c := range b.large {
		if err := w.stage(c); err != nil {
			return err
		}
	}
	if err := w.write(b.txn); err != nil {
		return err
	}
	w.seq = b.seq
	return nil
}

// write commits a transaction and syncs. After an error in that nothing is written
// any more, see ErrBroken: a sync that succeeds later says nothing of what an
// earlier one failed on.
func (w *writer) write(txn *badger.Txn) error {
	if err := w.room(); err != nil {
		return err
	}
	err := txn.Commit()
	if err == nil {
		err = w.wal.sync()
		w.syncs.Add(1)
	}
	w.db.outdate()
	if err != nil {
		w.broken = fmt.Errorf("%w: %s", ErrBroken, oneLine(err.Error()))
		return w.broken
	}
	return nil
}

// finish answers the updates of a batch in the order they ran. err is what came
// of the commit.
func (w *writer) finish(b *batch, err error) {
	b.txn.Discard()
	for _, r := range b.requests {
		if r.err == errGone {
			continue
		}
		if r.err == nil {
			r.err = err
		}
		hooks := r.err == nil && len(r.hooks) > 0
		r.reply <- r.err
		if hooks {
			<-r.idle
		}
	}
}

// now is the clock, which is never seen to go back.
func (w *writer) now() time.Time {
	now := w.clock().UTC().Truncate(time.Millisecond)
	if last := time.UnixMilli(w.latest.Load()).UTC(); now.Before(last) {
		return last
	}
	return now
}
