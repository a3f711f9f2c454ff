package verbs

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// AccessLog notes who came and what was looked up, for statistics. Noting costs
// no request a disk access: entries are kept in memory until Flush.
type AccessLog struct {
	db  *store.DB
	now func() time.Time

	mu      sync.Mutex
	pending []store.Access
	keep    AccessRetention
	next    time.Time // compaction; zero: not planned yet
}

// AccessRetention says how the access log is kept small.
type AccessRetention struct {
	Every   time.Duration // how often it is compacted
	Percent int           // share of the entries, the oldest, that goes each time
	Age     time.Duration // and all that are older
}

// NewAccessLog returns the access log that is kept in db.
func NewAccessLog(db *store.DB, now func() time.Time, keep AccessRetention) *AccessLog {
	return &AccessLog{db: db, now: now, keep: keep}
}

const (
	maxPending  = 1000   // entries between two flushes; those beyond are not counted
	maxAccesses = 20_000 // entries kept in all
)

// note adds an entry.
func (l *AccessLog) note(from atkey.Sign, verb, key string) {
	at := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) < maxPending {
		l.pending = append(l.pending, store.Access{From: from, At: at, Verb: verb, Key: key})
	}
}

// each calls f for all entries, the oldest first.
func (l *AccessLog) each(tx *store.Tx, f func(store.Access)) error {
	l.mu.Lock()
	pending := slices.Clone(l.pending)
	l.mu.Unlock()
	for a, err := range tx.Accesses() {
		if err != nil {
			return err
		}
		f(a)
	}
	for _, a := range pending {
		f(a)
	}
	return nil
}

// Flush writes what was noted since the last time. What cannot be written is
// given up.
func (l *AccessLog) Flush() error {
	l.mu.Lock()
	pending := l.pending
	l.pending = nil
	l.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	return l.db.Update(func(tx *store.Tx) error {
		n, err := tx.CountAccesses()
		if err != nil {
			return err
		}
		if over := n + len(pending) - maxAccesses; over > 0 {
			if _, err := tx.TrimAccesses(over, time.Time{}); err != nil {
				return err
			}
		}
		return tx.LogAccess(pending)
	})
}

// CompactEvery sets how often the log is compacted.
func (l *AccessLog) CompactEvery(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep.Every, l.next = d, time.Time{}
}

// Compact removes the oldest entries when that is due at now, and keeps what
// stats tells of it.
func (l *AccessLog) Compact(now time.Time) error {
	if !l.due(now) {
		return nil
	}
	started := l.now()
	return l.db.Update(func(tx *store.Tx) error {
		n, err := tx.CountAccesses()
		if err != nil {
			return err
		}
		removed, err := tx.TrimAccesses(n*l.keep.Percent/100, now.Add(-l.keep.Age))
		if err != nil {
			return err
		}
		return putCompaction(tx, accessCompaction, compaction{
			Type: "AtAccessLog", Run: now.UTC().Format(timeLayout),
			Millis: strconv.FormatInt(l.now().Sub(started).Milliseconds(), 10),
			Before: strconv.Itoa(n), After: strconv.Itoa(n - removed), Deleted: strconv.Itoa(removed),
		})
	})
}

// due tells whether it is time for a compaction, and plans the next one. The first
// is planned when the log is asked first.
func (l *AccessLog) due(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := !l.next.IsZero() && !now.Before(l.next)
	if due || l.next.IsZero() {
		l.next = now.Add(l.keep.Every)
	}
	return due
}

// compaction is what stats tells of the last run of a compaction. All of it is
// text.
type compaction struct {
	Type    string `json:"atCompactionType"`
	Run     string `json:"lastCompactionRun"`
	Millis  string `json:"compactionDurationInMills"`
	Before  string `json:"preCompactionEntriesCount"`
	After   string `json:"postCompactionEntriesCount"`
	Deleted string `json:"deletedKeysCount"`
}

// accessCompaction is the row that keeps it.
const accessCompaction = "compaction.access"

func putCompaction(tx *store.Tx, row string, c compaction) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding a compaction: %w", err)
	}
	return tx.PutRow(store.Settings, row, raw)
}

// lastCompaction is the JSON of the last run, "{}" if there was none.
func lastCompaction(tx *store.Tx, row string) ([]byte, error) {
	raw, err := tx.Row(store.Settings, row)
	if errors.Is(err, store.ErrNotFound) {
		return []byte("{}"), nil
	}
	return raw, err
}
