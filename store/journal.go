package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The journal is what increments are made of. From the first mark on it has a row
// for each transaction, which names every row that was written or removed; the
// values stay where they are. Badger itself could tell only what was written: its
// delete markers go when tables are merged, and with them every trace.
//
// A journal that nobody comes back to has an end: see trimJournal. A prefix drop
// passes it by: whoever does one has to remove the journal with it.

// journalLimit is how many bytes of the journal are kept.
const journalLimit = 8 << 20

// journalPart is how many bytes of names go into one row.
const journalPart = 256 << 10

// ErrUnmarked says that the journal does not reach back to a mark: it is of another
// database, or too much has happened since. A copy of everything has to be made.
var ErrUnmarked = errors.New("what changed since that copy is not known any more")

// journal is where the journal ends. Its rows are numbered from 1.
type journal struct {
	next int64
	size int64 // of all rows that there ever were, in bytes
	mark int64 // number of the newest mark, 0: nothing is journalled
}

// Kinds of journal rows.
const (
	journalMark  = 'm' // 16 bytes that no other mark has
	journalNames = 'n' // what a transaction changed; may be nothing
)

// journalHead is kind, size and newest mark, up to and with this row.
const journalHead = 1 + 8 + 8

// append returns the row that comes next.
func (j *journal) append(kind byte, content []byte) (key, value []byte) {
	n := j.next
	j.next++
	j.size += int64(journalHead + len(content))
	if kind == journalMark {
		j.mark = n
	}
	value = append(make([]byte, 0, journalHead+len(content)), kind)
	value = binary.BigEndian.AppendUint64(value, uint64(j.size))
	value = binary.BigEndian.AppendUint64(value, uint64(j.mark))
	return numbered(rowJournal, n), append(value, content...)
}

// decodeJournal takes a row apart. What it returns as journal ends with that row.
func decodeJournal(p pair) (j journal, kind byte, content []byte, err error) {
	n := number(p.key)
	if n < 1 || len(p.value) < journalHead {
		return j, 0, nil, errRecord
	}
	j = journal{
		next: n + 1,
		size: int64(binary.BigEndian.Uint64(p.value[1:])),
		mark: int64(binary.BigEndian.Uint64(p.value[9:])),
	}
	return j, p.value[0], p.value[journalHead:], nil
}

// journalled reads where the journal ends. Only a program that knows no journal
// leaves the counters newer than its last row; what it did is not in there, so the
// journal is of no use any more.
func (tx *Tx) journalled() (journal, error) {
	j, version := journal{next: 1}, uint64(0)
	var err error
	if scanned := tx.iterateBack([]byte{rowJournal}, func(p pair) bool {
		j, _, _, err = decodeJournal(p)
		version = p.version
		return false
	}); scanned != nil || err != nil {
		return j, errors.Join(scanned, err)
	}
	counters, err := tx.item(countersKey)
	if err == nil && counters.Version() > version {
		j.mark = 0
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return j, err
}

// Mark names the state that the latest update left when it was made. Its text is
// what a copy keeps to be continued by an increment.
type Mark struct {
	number int64
	id     [16]byte
}

func (m Mark) String() string { return fmt.Sprintf("%d-%x", m.number, m.id) }

// ParseMark reads the text of a mark.
func ParseMark(text string) (m Mark, err error) {
	number, id, _ := strings.Cut(text, "-")
	m.number, err = strconv.ParseInt(number, 10, 64)
	raw, bad := hex.DecodeString(id)
	if err != nil || bad != nil || copy(m.id[:], raw) != len(m.id) || m.String() != text {
		return Mark{}, fmt.Errorf("%q is no mark", text)
	}
	return m, nil
}

// Mark makes a mark and has everything journalled from here on. A copy of what a
// View sees after this update can be continued from the mark.
func (tx *Tx) Mark() (m Mark, err error) {
	if tx.batch == nil {
		return m, ErrReadOnly
	}
	m.number = tx.seq.journal.next
	if _, err := rand.Read(m.id[:]); err != nil {
		return m, err
	}
	key, value := tx.seq.journal.append(journalMark, m.id[:])
	return m, tx.set(key, value, 0)
}

// journal writes down what the batch changes, its counters apart: they change
// every time.
func (b *batch) journal() error {
	if b.seq.journal.mark == 0 {
		return nil
	}
	changed := make(map[string]bool, len(b.pending)) // whether it was removed
	for key, w := range b.pending {
		if key[0] != rowJournal && key != string(countersKey) {
			changed[key] = w.removed
		}
	}
	for _, c := range b.large {
		for n := range c.count() {
			changed[string(chunkKey(c.prefix, n))] = false
		}
	}
	var names []byte
	before := ""
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		if len(names) >= journalPart {
			if err := b.apply(b.seq.journal.entry(names)); err != nil {
				return err
			}
			names, before = nil, ""
		}
		names = appendChanged(names, before, key, changed[key])
		before = key
	}
	return b.apply(b.seq.journal.entry(names))
}

// appendChanged appends a name that follows another one: how long a beginning they have
// in common, the length of the rest and whether the row was removed, the rest. The
// chunks of a value thus take a few bytes each, and what fits in an update fits with
// its journal.
func appendChanged(b []byte, before, key string, removed bool) []byte {
	common := 0
	for common < min(len(before), len(key)) && before[common] == key[common] {
		common++
	}
	n := uint64(len(key)-common) << 1
	if removed {
		n |= 1
	}
	b = binary.AppendUvarint(b, uint64(common))
	return append(binary.AppendUvarint(b, n), key[common:]...)
}

func (j *journal) entry(names []byte) ([]byte, write) {
	key, value := j.append(journalNames, names)
	return key, write{value: value}
}

// eachName calls f for the names in a journal row until it returns an error. A key
// is valid until f returns.
func eachName(names []byte, f func(key []byte, removed bool) error) error {
	var key []byte
	for len(names) > 0 {
		common, used := binary.Uvarint(names)
		if used <= 0 || common > uint64(len(key)) {
			return errRecord
		}
		names = names[used:]
		n, used := binary.Uvarint(names)
		if used <= 0 || n>>1 > uint64(len(names)-used) {
			return errRecord
		}
		names = names[used:]
		key = append(key[:common], names[:n>>1]...)
		if err := f(key, n&1 != 0); err != nil {
			return err
		}
		names = names[n>>1:]
	}
	return nil
}

// journalSince yields the rows after a mark, or ErrUnmarked.
func (tx *Tx) journalSince(m Mark, f func(version uint64, names []byte) error) error {
	found := false
	var bad error
	err := tx.iterate([]byte{rowJournal}, numbered(rowJournal, m.number), values, func(p pair) bool {
		_, kind, content, err := decodeJournal(p)
		switch {
		case err != nil:
			bad = err
		case !found:
			found = kind == journalMark && number(p.key) == m.number && bytes.Equal(content, m.id[:])
			return found
		case kind == journalNames:
			bad = f(p.version, content)
		}
		return bad == nil
	})
	if err == nil && bad == nil && !found {
		return ErrUnmarked
	}
	return errors.Join(err, bad)
}

// trimJournal removes the oldest rows while there are too many, and all of them
// once no mark is left: then journalling ends, until somebody makes the next one.
func (db *DB) trimJournal() error {
	for {
		more := false
		err := db.Update(func(tx *Tx) (err error) {
			more, err = tx.trimJournal()
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

func (tx *Tx) trimJournal() (more bool, err error) {
	end := &tx.seq.journal
	scanned := tx.scan([]byte{rowJournal}, nil, values, func(p pair) bool {
		j, _, _, bad := decodeJournal(p)
		if bad != nil {
			err = bad
			return false
		}
		if number(p.key) > end.mark {
			end.mark = 0
		} else if end.size-j.size < journalLimit {
			return false
		}
		err = tx.remove(p.key)
		more = len(tx.journal) >= sweepWrites
		return err == nil && !more
	})
	return more, errors.Join(scanned, err)
}
