package store

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"
)

// DB is the database of one atSign. All methods may be called at any time from
// any goroutine.
type DB struct {
	dir    string // of Badger's files, "" in memory
	root   *root
	layout layout
	log    zerolog.Logger
	lock   *os.File // nil in memory
	kv     *badger.DB

	notified  func(Notification)
	committed func(updates int, took time.Duration)
	changed   func(Change)
	fleeting  fleeting

	writer    *writer
	compactor *compactor

	mu     sync.Mutex // guards what follows, and views from rising once closed is set
	closed bool
	views  sync.WaitGroup // Views that run
	latest *reading       // what Views share, nil when something was committed since
	age    uint64         // how often that was
}

// Open opens the database of an atSign, and makes it at the first start. Another
// atSign's folder, a root secret that does not fit, a folder that another process
// uses, a newer schema, a damaged file: the error is one clear line, and the data
// is as it was.
func Open(o Options) (*DB, error) { return open(o.defaults(), steps) }

func open(o Options, steps []step) (*DB, error) {
	if o.Sign == "" {
		return nil, errors.New("open the database: no atSign")
	}
	db := &DB{layout: layout{o.Sign}, log: o.Log, notified: o.Notified, committed: o.Committed, changed: o.Changed, fleeting: fleeting{now: o.Now}}
	if err := db.prepare(o); err != nil {
		db.unlock()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := db.start(o, steps); err != nil {
		db.unlock()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

// prepare locks the folder and gets the root secret.
func (db *DB) prepare(o Options) (err error) {
	if o.Dir == "" {
		db.root, err = newRoot()
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	if db.lock, err = lockDir(o.Dir); err != nil {
		return err
	}
	db.dir = filepath.Join(o.Dir, "db")
	db.root, err = o.root(db.dir)
	return err
}

// start opens Badger and gets the data ready for use.
func (db *DB) start(o Options, steps []step) error {
	if err := db.openBadger(o); err != nil {
		return err
	}
	from, err := db.identify(steps)
	if err == nil && from < version(steps) && db.dir != "" && !o.AsIs {
		if err = db.stop(); err == nil {
			err = copyData(db.dir, from)
		}
		if err == nil {
			db.log.Info().Str("copy", copyOf(db.dir, from)).Msg("database copied before it is upgraded")
		}
		if err == nil {
			err = db.openBadger(o)
		}
		if err != nil {
			return err
		}
		err = db.upgrade(from, steps)
	}
	if err == nil {
		if err = db.Update((*Tx).unstage); errors.Is(err, ErrNoSpace) { // what is staged can wait, who reads cannot
			err = nil
		}
	}
	if err == nil {
		err = db.trimJournal()
	}
	if err != nil {
		return errors.Join(err, db.stop())
	}
	return nil
}

// openBadger opens the files and starts the goroutines.
func (db *DB) openBadger(o Options) (err error) {
	key := db.root.key("badger")
	log := &logger{log: o.Log}
	tuned := tune(db.dir, key[:], log)
	if db.dir != "" {
		if err := checkFiles(db.dir, tuned); err != nil {
			return err
		}
		if err := checkSpace(filepath.Dir(db.dir), openReserve); err != nil {
			return fmt.Errorf("%s: %w", db.dir, err)
		}
	}
	db.kv, err = badger.Open(tuned)
	if errors.Is(err, badger.ErrEncryptionKeyMismatch) {
		return fmt.Errorf("root secret %s does not fit the data in %s", o.RootSecret, db.dir)
	}
	if err == nil && log.first() != "" {
		err = errors.Join(errors.New(log.first()), db.kv.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %s", db.dir, oneLine(err.Error()))
	}
	w := &writer{db: db, kv: db.kv, clock: o.Now, queue: make(chan *request), quit: make(chan struct{}), done: make(chan struct{})}
	w.latest.Store(math.MinInt64)
	if db.dir != "" && ownSync {
		if w.wal, err = openWAL(db.dir); err != nil {
			return errors.Join(err, db.kv.Close())
		}
	}
	db.writer = w
	if err := db.View(func(tx *Tx) (err error) { w.seq, err = tx.counters(); return err }); err != nil {
		w.wal.close()
		return errors.Join(err, db.kv.Close())
	}
	db.compactor = newCompactor(db.kv, db.hasSpace, o.Log)
	w.room = db.makeRoom
	go w.run()
	return nil
}

// makeRoom refuses a commit for which there is no room.
func (db *DB) makeRoom() error {
	if err := db.hasSpace(reserve); err != nil {
		return err
	}
	return db.compactor.makeRoom()
}

// hasSpace returns ErrNoSpace when fewer bytes are left for the database.
func (db *DB) hasSpace(bytes int64) error {
	if db.dir == "" {
		return nil
	}
	return checkSpace(db.dir, bytes)
}

// Close waits for what runs, ends the database and gives the folder free. Later
// calls return ErrClosed.
func (db *DB) Close() error {
	db.mu.Lock()
	closed := db.closed
	db.closed = true
	db.mu.Unlock()
	if closed {
		return ErrClosed
	}
	defer db.unlock()
	return db.stop()
}

// stop is the reverse of openBadger.
func (db *DB) stop() error {
	close(db.writer.quit)
	<-db.writer.done
	db.views.Wait()
	db.outdate()
	db.compactor.close()
	db.writer.wal.close()
	// Badger's Close makes a table of what the log holds, which is no loss to do
	// without: it would try for ever on a broken disk, and be killed on a full one.
	if err := db.writer.broken; err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	if errors.Is(db.hasSpace(openReserve), ErrNoSpace) {
		return nil
	}
	if err := db.kv.Close(); err != nil {
		return fmt.Errorf("close the database: %s", oneLine(err.Error()))
	}
	return nil
}

func (db *DB) unlock() {
	if db.lock != nil {
		db.lock.Close()
	}
}
