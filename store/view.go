package store

import "github.com/dgraph-io/badger/v4"

// reading is a transaction of Badger's that Views share until something is
// committed: to begin and to end one costs more than most Views do.
type reading struct {
	txn   *badger.Txn
	users int // Views, and the DB while it is the latest; guarded by DB.mu
}

// View runs fn on the state that the latest update left. It waits for no sync, and
// nobody waits for it but Close.
func (db *DB) View(fn func(*Tx) error) error {
	r, err := db.read()
	if err != nil {
		return err
	}
	defer db.views.Done()
	defer db.release(r)
	tx := &Tx{db: db, txn: r.txn, layout: db.layout, now: db.writer.now()}
	defer func() { tx.over = true }()
	return fn(tx)
}

// read returns the latest reading, or makes it.
func (db *DB) read() (*reading, error) {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil, ErrClosed
	}
	db.views.Add(1)
	r, age := db.latest, db.age
	if r != nil {
		r.users++
	}
	db.mu.Unlock()
	if r != nil {
		return r, nil
	}
	r = &reading{txn: db.kv.NewTransaction(false), users: 1} // may wait, so without the lock
	db.mu.Lock()
	if db.latest == nil && db.age == age { // nothing was committed meanwhile
		db.latest = r
		r.users++
	}
	db.mu.Unlock()
	return r, nil
}

// release ends one use.
func (db *DB) release(r *reading) {
	db.mu.Lock()
	r.users--
	last := r.users == 0
	db.mu.Unlock()
	if last {
		r.txn.Discard()
	}
}

// outdate makes later Views see what was committed.
func (db *DB) outdate() {
	db.mu.Lock()
	r := db.latest
	db.latest = nil
	db.age++
	db.mu.Unlock()
	if r != nil {
		db.release(r)
	}
}
