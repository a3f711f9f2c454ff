package store

import (
	"bytes"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Tx reads and, in an Update, writes one consistent state. It belongs to the
// function it was given to and is of no use after that returned.
type Tx struct {
	db     *DB
	txn    *badger.Txn
	now    time.Time
	layout layout
	met    met

	// The rest is used in an Update only.
	batch   *batch
	seq     counters          // as this update leaves them
	journal []before          // what to put back should it fail
	large   map[uint64]chunks // values to be written in chunks, by id
	hooks   []func()
	changes []Change
	dated   time.Time // of commit entries; zero: now
	failed  error     // first write that failed: the update fails, whatever fn makes of it
	over    bool      // fn has returned
}

// before is what a row held when an update first touched it.
type before struct {
	key     []byte
	pending *write // set by an earlier update of the batch; nil: look in the database
}

// write is a change to one row.
type write struct {
	value   []byte
	flags   byte
	removed bool
}

// Now is the instant of the whole transaction, in whole milliseconds, UTC, and
// never before that of an update committed earlier.
func (tx *Tx) Now() time.Time { return tx.now }

// DateCommits has the commit entries that follow say t, as the time of a change
// that a client tells. The zero time is Now again.
func (tx *Tx) DateCommits(t time.Time) { tx.dated = t }

// AfterCommit has f run once the update is on disk, before Update returns, in
// the order of the commits, one at a time and on the goroutine that called
// Update. Of an update that failed, nothing runs. f must not call Update.
func (tx *Tx) AfterCommit(f func()) { tx.hooks = append(tx.hooks, f) }

// get returns a copy of a row's value and its flags, or ErrNotFound.
func (tx *Tx) get(key []byte) ([]byte, byte, error) {
	item, err := tx.item(key)
	if err != nil {
		return nil, 0, err
	}
	value, err := item.ValueCopy(nil)
	return value, item.UserMeta(), err
}

// appendTo appends a row's value to b, or returns ErrNotFound.
func (tx *Tx) appendTo(b, key []byte) ([]byte, error) {
	item, err := tx.item(key)
	if err != nil {
		return b, err
	}
	err = item.Value(func(value []byte) error {
		b = append(b, value...)
		return nil
	})
	return b, err
}

func (tx *Tx) item(key []byte) (*badger.Item, error) {
	if tx.over {
		return nil, errOver
	}
	item, err := tx.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, damaged(err)
	}
	return item, nil
}

// set and remove keep the key and the value until the update is committed.

func (tx *Tx) set(key, value []byte, flags byte) error {
	return tx.write(key, write{value: value, flags: flags})
}

func (tx *Tx) remove(key []byte) error { return tx.write(key, write{removed: true}) }

func (tx *Tx) write(key []byte, w write) error {
	switch {
	case tx.over:
		return errOver
	case tx.batch == nil:
		return ErrReadOnly
	case tx.failed != nil:
		return tx.failed
	case len(key) > maxKey || len(w.value) > maxValue:
		tx.failed = ErrTooLarge
		return tx.failed
	}
	b := before{key: key}
	if p, ok := tx.batch.pending[string(key)]; ok {
		b.pending = &p
	}
	if err := tx.batch.apply(key, w); err != nil {
		tx.failed = err
		return err
	}
	tx.journal = append(tx.journal, b)
	return nil
}

// undo puts back every row that the update touched.
func (tx *Tx) undo() error {
	old := tx.db.kv.NewTransaction(false) // same state as the batch began with: nobody else writes
	defer old.Discard()
	for i := len(tx.journal) - 1; i >= 0; i-- {
		b := tx.journal[i]
		if b.pending != nil {
			if err := tx.batch.apply(b.key, *b.pending); err != nil {
				return err
			}
			continue
		}
		w := write{removed: true}
		item, err := old.Get(b.key)
		if err == nil {
			w.removed, w.flags = false, item.UserMeta()
			w.value, err = item.ValueCopy(nil)
		}
		if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
			return damaged(err)
		}
		if err := tx.batch.apply(b.key, w); err != nil {
			return err
		}
	}
	return nil
}

// pair is a row met by scan.
type pair struct {
	key     []byte
	flags   byte
	value   []byte // nil unless asked for
	version uint64 // Badger's, of the transaction that wrote it; not in an Update
}

// need says which values a scan has to read.
type need uint8

const (
	keysOnly need = iota
	flagged       // values of rows that have flagLifetime
	values
)

// scan calls f for the rows that start with prefix, from the first that is not
// before from, until f returns false. A pair is valid until f returns. In an
// Update f may write; whether scan then meets the new rows is not defined.
func (tx *Tx) scan(prefix, from []byte, n need, f func(pair) bool) error {
	if tx.batch == nil {
		return tx.iterate(prefix, from, n, f)
	}
	// Badger allows one iterator at a time in a transaction that writes, and
	// makes a sorted copy of all its writes for each. So rows come in pages, which
	// grow, and f runs between the iterators.
	for size := 16; ; size = min(4*size, 1024) {
		page := make([]pair, 0, size)
		err := tx.iterate(prefix, from, n, func(p pair) bool {
			page = append(page, pair{key: bytes.Clone(p.key), flags: p.flags, value: bytes.Clone(p.value)})
			return len(page) < size
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			if !f(p) {
				return nil
			}
		}
		if len(page) < size {
			return nil
		}
		from = append(page[size-1].key, 0)
	}
}

// first returns the first row that starts with prefix and is not before from.
func (tx *Tx) first(prefix, from []byte) (key []byte, err error) {
	err = tx.iterate(prefix, from, keysOnly, func(p pair) bool {
		key = bytes.Clone(p.key)
		return false
	})
	if key == nil && err == nil {
		err = ErrNotFound
	}
	return key, err
}

// iterate is scan with one iterator.
func (tx *Tx) iterate(prefix, from []byte, n need, f func(pair) bool) error {
	if tx.over {
		return errOver
	}
	it := tx.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	for it.Seek(from); it.Valid(); it.Next() {
		item := it.Item()
		p := pair{key: item.Key(), flags: item.UserMeta(), version: item.Version()}
		if n == values || n == flagged && p.flags&flagLifetime != 0 {
			if err := item.Value(func(v []byte) error { p.value = v; return nil }); err != nil {
				return damaged(err)
			}
		}
		if !f(p) {
			return nil
		}
	}
	return nil
}

// iterateBack calls f for the rows of a log from the last on, with their values.
func (tx *Tx) iterateBack(log []byte, f func(pair) bool) error {
	if tx.over {
		return errOver
	}
	it := tx.txn.NewIterator(badger.IteratorOptions{Prefix: log, Reverse: true})
	defer it.Close()
	for it.Seek(append(bytes.Clone(log), bytes.Repeat([]byte{0xFF}, 9)...)); it.Valid(); it.Next() {
		item := it.Item()
		p := pair{key: item.Key(), version: item.Version()}
		if err := item.Value(func(v []byte) error { p.value = v; return nil }); err != nil {
			return damaged(err)
		}
		if !f(p) {
			return nil
		}
	}
	return nil
}
