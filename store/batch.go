package store

import (
	"encoding/binary"
	"errors"

	"github.com/dgraph-io/badger/v4"
)

const (
	maxKey   = 32 << 10
	maxValue = 512 << 10 // of a row; values of records are cut into chunks
)

var (
	errGone     = errors.New("update did not return")
	errCounters = errors.New("counters are damaged")
	countersKey = row(rowMeta, []byte("counters"))
)

// batch is the updates that share a transaction and its sync. Owned by the writer.
type batch struct {
	w        *writer
	txn      *badger.Txn
	pending  map[string]write // what the transaction holds, by key
	rows     int64            // writes given to the transaction, also repeated ones
	bytes    int64
	seq      counters   // as the last update that succeeded leaves them
	requests []*request // in the order they ran
	writes   int        // rows written by updates that succeeded
	large    []chunks
	alone    bool // is for one update only
	overflow bool // did not fit: to be done again, one by one
}

func (w *writer) begin() *batch {
	return &batch{w: w, txn: w.kv.NewTransaction(true), pending: map[string]write{}, seq: w.seq}
}

// full tells whether no further update is to join. A batch takes a quarter of
// what fits in a transaction, so that it overflows only by an update which is
// large itself. A large value is always the last of its batch: its chunks can
// then be read by no other update before they are written.
func (b *batch) full() bool {
	return b.overflow || len(b.large) > 0 ||
		b.rows > b.w.kv.MaxBatchCount()/4 || b.bytes > b.w.kv.MaxBatchSize()/4
}

// run gives r its turn and keeps or undoes what it did.
func (b *batch) run(r *request) {
	b.requests = append(b.requests, r)
	tx := &Tx{db: b.w.db, txn: b.txn, layout: b.w.db.layout, batch: b, seq: b.seq, now: b.w.now()}
	r.turn <- tx
	r.err = <-r.ran
	tx.over = true
	if r.err == nil {
		r.err = tx.failed
	}
	if r.err == nil {
		b.keep(r, tx)
		return
	}
	// Alone it leaves nothing to save in the transaction, which is then discarded.
	if !b.alone && !b.overflow && tx.undo() != nil {
		b.overflow = true
	}
}

// seal writes the counters and the journal behind everything else.
func (b *batch) seal() error {
	if b.writes == 0 {
		return nil
	}
	if err := b.apply(countersKey, write{value: b.seq.encode()}); err != nil {
		return err
	}
	return b.journal()
}

// keep counts what a successful update did.
func (b *batch) keep(r *request, tx *Tx) {
	r.hooks, r.changes = tx.hooks, tx.changes
	b.seq = tx.seq
	b.writes += len(tx.journal)
	for _, c := range tx.large {
		b.large = append(b.large, c)
	}
	b.w.latest.Store(tx.now.UnixMilli())
}

// apply gives a write to the transaction. When it does not fit, the batch has
// overflowed.
func (b *batch) apply(key []byte, w write) error {
	var err error
	if w.removed {
		err = b.txn.Delete(key)
	} else {
		err = b.txn.SetEntry(badger.NewEntry(key, w.value).WithMeta(w.flags))
	}
	if errors.Is(err, badger.ErrTxnTooBig) {
		b.overflow = true
		return ErrTooLarge
	}
	if err != nil {
		return err
	}
	b.pending[string(key)] = w
	b.rows++
	b.bytes += int64(len(key) + len(w.value))
	return nil
}

// counters are the numbers that must never be given out twice.
type counters struct {
	commit int64  // next commit id
	audit  int64  // next audit entry
	large  uint64 // next id of a value in chunks
	hash   string // of the last audit entry
	noted  int64  // time of the newest notification; in a row of its own

	journal journal // in rows of its own
}

func (c counters) encode() []byte {
	b := make([]byte, 0, 24+len(c.hash))
	b = binary.BigEndian.AppendUint64(b, uint64(c.commit))
	b = binary.BigEndian.AppendUint64(b, uint64(c.audit))
	b = binary.BigEndian.AppendUint64(b, c.large)
	return append(b, c.hash...)
}

// counters reads them back. In a new database, which has no schema yet, they are
// zero; in any other they are there.
func (tx *Tx) counters() (counters, error) {
	b, _, err := tx.get(countersKey)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return counters{}, err
	}
	if len(b) < 24 {
		if _, _, err := tx.get(schemaKey); !errors.Is(err, ErrNotFound) {
			return counters{}, errors.Join(errCounters, err)
		}
		return counters{journal: journal{next: 1}}, nil
	}
	noted, err := tx.noted()
	journal, unread := tx.journalled()
	return counters{
		noted:  noted,
		commit: int64(binary.BigEndian.Uint64(b)),
		audit:  int64(binary.BigEndian.Uint64(b[8:])),
		large:  binary.BigEndian.Uint64(b[16:]),
		hash:   string(b[24:]),

		journal: journal,
	}, errors.Join(err, unread)
}
