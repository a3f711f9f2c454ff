package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// A value above chunkSize is kept in chunks. So no value ever goes to Badger's value
// log, from where a prefix drop cannot erase it, which has to be collected, and which
// would cost a second sync.
//
// Chunks are as long as Badger builds tables of with little waste: a longer row takes
// four times its size there. Of any length they can be read.
//
// They do not fit in one transaction. They are written before the one that
// refers to them, under an id of their own and announced by a staged row, which
// that transaction removes. What a crash leaves in between, Open throws away.
const (
	chunkSize   = 64 << 10
	chunkLength = 8000
)

// maxLarge keeps the removal of a value's chunks within one transaction.
const maxLarge = 12 << 20

// chunks is a value on its way to disk.
type chunks struct {
	prefix []byte
	value  []byte
}

// count is how many rows it takes.
func (c chunks) count() int { return (len(c.value) + chunkLength - 1) / chunkLength }

func chunkPrefix(suffix []byte, id uint64) []byte {
	return row(rowChunk, suffix, []byte{0, 0}, be64(id))
}

func chunkKey(prefix []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(slices.Clip(prefix), uint32(n))
}

func stagedKey(prefix []byte) []byte { return row(rowStaged, prefix) }

// chunk takes the value out of s and keeps it for the writer.
func (tx *Tx) chunk(suffix []byte, s *stored) error {
	if len(s.value) > maxLarge {
		return ErrTooLarge
	}
	id := tx.seq.large
	prefix := chunkPrefix(suffix, id)
	if err := tx.remove(stagedKey(prefix)); err != nil {
		return err
	}
	if tx.large == nil {
		tx.large = map[uint64]chunks{}
	}
	tx.large[id] = chunks{prefix, s.value}
	tx.seq.large++
	s.chunked, s.chunks, s.size, s.value = true, id, uint64(len(s.value)), nil
	return nil
}

// unchunk removes the chunks of a record that has some.
func (tx *Tx) unchunk(suffix []byte, h head) error {
	if !h.chunked {
		return nil
	}
	if _, ok := tx.large[h.chunks]; ok {
		delete(tx.large, h.chunks)
		return nil
	}
	return tx.each(chunkPrefix(suffix, h.chunks), tx.remove)
}

// load puts a value together.
func (tx *Tx) load(suffix []byte, h head) ([]byte, error) {
	if c, ok := tx.large[h.chunks]; ok {
		return bytes.Clone(c.value), nil
	}
	prefix := chunkPrefix(suffix, h.chunks)
	value := make([]byte, 0, min(h.size, maxLarge))
	for n := 0; uint64(len(value)) < h.size; n++ {
		before := len(value)
		var err error
		if value, err = tx.appendTo(value, chunkKey(prefix, n)); err == nil && len(value) == before || errors.Is(err, ErrNotFound) {
			return nil, errRecord
		}
		if err != nil {
			return nil, err
		}
	}
	if uint64(len(value)) != h.size {
		return nil, errRecord
	}
	return value, nil
}

// stage writes chunks ahead of the transaction that refers to them.
func (w *writer) stage(c chunks) error {
	txn := w.kv.NewTransaction(true)
	defer func() { txn.Discard() }()
	set := func(key, value []byte) error {
		err := txn.Set(key, value)
		if !errors.Is(err, badger.ErrTxnTooBig) {
			return err
		}
		if err := w.write(txn); err != nil {
			return err
		}
		txn = w.kv.NewTransaction(true)
		return txn.Set(key, value)
	}
	if err := set(stagedKey(c.prefix), []byte{1}); err != nil {
		return err
	}
	n := 0
	for part := range slices.Chunk(c.value, chunkLength) {
		if err := set(chunkKey(c.prefix, n), part); err != nil {
			return err
		}
		n++
	}
	return w.write(txn)
}

// unstage removes chunks that nothing refers to: a crash came between them and
// their record.
func (tx *Tx) unstage() error {
	staged := []byte{rowStaged}
	return tx.each(staged, func(key []byte) error {
		err := tx.each(key[1:], tx.remove)
		if err != nil {
			return err
		}
		return tx.remove(key)
	})
}

// each calls f with the key of every row that starts with prefix.
func (tx *Tx) each(prefix []byte, f func(key []byte) error) error {
	var err error
	if scanned := tx.scan(prefix, nil, keysOnly, func(p pair) bool {
		err = f(p.key)
		return err == nil
	}); scanned != nil {
		return fmt.Errorf("scan: %w", scanned)
	}
	return err
}
