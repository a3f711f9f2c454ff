package store

import (
	"iter"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"atserver/store/atkey"
)

// Access is an entry of the access log: somebody came, or asked for a key. The log
// is for statistics: it is trimmed, and its latest entries may be lost in a crash.
type Access struct {
	From atkey.Sign
	At   time.Time
	Verb string
	Key  string // "" where there is none
}

const (
	accessFrom = 1
	accessAt   = 2
	accessVerb = 3
	accessKey  = 4
)

// LogAccess appends entries to the access log.
func (tx *Tx) LogAccess(entries []Access) error {
	next := int64(0)
	if err := tx.iterateBack([]byte{rowAccess}, func(p pair) bool { next = number(p.key) + 1; return false }); err != nil {
		return err
	}
	for _, a := range entries {
		b := appendBytes([]byte{recordFormat}, accessFrom, []byte(a.From))
		b = appendTime(b, accessAt, a.At)
		b = appendBytes(b, accessVerb, []byte(a.Verb))
		b = appendBytes(b, accessKey, []byte(a.Key))
		if err := tx.set(numbered(rowAccess, next), b, 0); err != nil {
			return err
		}
		next++
	}
	return nil
}

// Accesses yields the access log, oldest first.
func (tx *Tx) Accesses() iter.Seq2[Access, error] {
	return entries(tx, rowAccess, -1, decodeAccess)
}

// CountAccesses tells how many entries the access log has.
func (tx *Tx) CountAccesses() (n int, err error) {
	err = tx.scan([]byte{rowAccess}, nil, keysOnly, func(pair) bool { n++; return true })
	return n, err
}

// trimAtOnce is how many entries one update removes, so that they fit in it.
const trimAtOnce = 5000

// TrimAccesses removes the oldest entries of the access log: n of them, and those
// that follow and are older than before, but 5000 at most.
func (tx *Tx) TrimAccesses(n int, before time.Time) (removed int, err error) {
	var failed error
	scanned := tx.scan([]byte{rowAccess}, nil, values, func(p pair) bool {
		a, err := decodeAccess(p)
		if removed >= trimAtOnce || err == nil && removed >= n && !a.At.Before(before) {
			return false
		}
		removed++
		failed = tx.remove(p.key)
		return failed == nil
	})
	if failed != nil {
		return removed, failed
	}
	return removed, scanned
}

func decodeAccess(p pair) (Access, error) {
	var a Access
	err := eachField(p.value, func(num protowire.Number, n uint64, data []byte) bool {
		switch num {
		case accessFrom:
			a.From = atkey.Sign(data)
		case accessAt:
			a.At = fromMillis(n)
		case accessVerb:
			a.Verb = string(data)
		case accessKey:
			a.Key = string(data)
		}
		return true
	})
	return a, err
}
