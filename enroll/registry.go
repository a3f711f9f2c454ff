package enroll

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// Options says whose enrollments a Registry keeps.
type Options struct {
	Sign        atkey.Sign
	Now         func() time.Time // default time.Now
	TestingMode bool             // CRAM stays usable after bootstrap and may do everything

	// Ended is told which enrollments may no longer act, after that is committed:
	// their connections must end. It must not change the registry.
	Ended func(ids []string)
}

// Registry is all enrollments of one atSign. Reading it takes no lock and no
// disk access; changes go through the transactions of the store.
type Registry struct {
	db       *store.DB
	sign     atkey.Sign
	now      func() time.Time
	testing  bool
	sealer   sealer
	refKey   [32]byte
	codeKey  [32]byte
	guard    *guard
	late     late
	ended    func([]string)
	snapshot atomic.Pointer[snapshot] // replaced in the order of the commits, see change
	latest   atomic.Int64             // the latest time seen, in Unix milliseconds
}

// snapshot is one committed state. Nothing in it is ever changed.
type snapshot struct {
	version     uint64
	enrollments map[string]*Enrollment
	keys        map[string]string // fingerprint of a key to who holds it
	bootstrap   bootstrap
	blocked     []atkey.Sign         // sorted
	revoked     map[string]time.Time // last revocation by granted namespace, of enrollments deleted since
}

// Open reads all enrollments.
func Open(db *store.DB, o Options) (*Registry, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	sealer, err := newSealer(db.Key("seal"))
	if err != nil {
		return nil, err
	}
	r := &Registry{
		db: db, sign: o.Sign, now: o.Now, testing: o.TestingMode, ended: o.Ended,
		sealer: sealer, refKey: db.Key("ref"), codeKey: db.Key("code"), guard: newGuard(o.TestingMode),
	}
	if r.ended == nil {
		r.ended = func([]string) {}
	}
	s := &snapshot{enrollments: map[string]*Enrollment{}, keys: map[string]string{}}
	err = db.View(func(tx *store.Tx) error {
		for row, err := range tx.Rows(store.Enrollments, "") {
			if err != nil {
				return err
			}
			e, err := decode(row.ID, row.Value)
			if err != nil {
				return err
			}
			s.enrollments[e.ID], s.keys[e.Fingerprint] = e, e.ID
		}
		if s.version, err = readVersion(tx); err != nil {
			return err
		}
		if s.blocked, err = readBlocked(tx); err != nil {
			return err
		}
		if s.revoked, err = readRevoked(tx); err != nil {
			return err
		}
		s.bootstrap, err = readBootstrap(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the enrollments: %w", err)
	}
	r.snapshot.Store(s)
	return r, nil
}

// Time is the clock of all decisions about enrollments. It never goes back: a
// clock that was set back must not revive what had expired.
func (r *Registry) Time() time.Time {
	now := r.now().UTC()
	ms := now.UnixMilli()
	for {
		latest := r.latest.Load()
		if ms < latest {
			return time.UnixMilli(latest).UTC()
		}
		if ms == latest || r.latest.CompareAndSwap(latest, ms) {
			return now
		}
	}
}

// Get returns an enrollment, which must not be changed, and its status now. An
// unknown one is Expired.
func (r *Registry) Get(id string) (*Enrollment, Status) {
	e := r.snapshot.Load().enrollments[id]
	if e == nil {
		return nil, Expired
	}
	return e, e.StatusAt(r.Time())
}

func decode(id string, raw []byte) (*Enrollment, error) {
	e := &Enrollment{}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("decoding enrollment %s: %w", id, err)
	}
	return e, nil
}

// Sorted returns the enrollments, which must not be changed, by the time of their
// request.
func (r *Registry) Sorted() []*Enrollment {
	return slices.SortedFunc(maps.Values(r.snapshot.Load().enrollments), compare)
}
