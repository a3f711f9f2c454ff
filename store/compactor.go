package store

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"
)

// Badger's own compactors look for work twenty times a second, which is most of
// what an idle server would do. So there are none, and tables are merged when the
// writer finds enough of them. It looks before every commit, and a commit begins
// one table at most: nothing can be missed. Badger's own limit, at which it would
// stand still for ever with nobody to merge, is lifted. The writer waits instead.
const (
	mergeAt = 5  // tables of level 0 at which merging starts
	holdAt  = 15 // at which commits wait for it
	noStall = math.MaxInt32
)

// compactor merges tables on its own goroutine.
type compactor struct {
	kv   *badger.DB
	room func(bytes int64) error
	log  zerolog.Logger
	wake chan struct{} // holds one
	done chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	ended  sync.Cond // a round has
	rounds int
	err    error // of the latest round
	merges int64 // rounds that merged something
}

func newCompactor(kv *badger.DB, room func(int64) error, log zerolog.Logger) *compactor {
	c := &compactor{kv: kv, room: room, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	c.ended.L = &c.mu
	go c.run()
	c.poke()
	return c
}

func (c *compactor) run() {
	defer close(c.done)
	for range c.wake {
		var err error
		due := c.tables() >= mergeAt
		if due {
			err = c.merge()
		}
		if err != nil {
			c.log.Error().Err(err).Msg("merging tables failed")
		}
		c.mu.Lock()
		c.rounds++
		if c.err = err; due && err == nil {
			c.merges++
		}
		c.ended.Broadcast()
		c.mu.Unlock()
	}
}

// merge writes the tables of level 0 and those they are merged with anew before it
// removes the old ones.
func (c *compactor) merge() error {
	var bytes int64
	for _, level := range c.kv.Levels() {
		if level.Level == 0 || level.IsBaseLevel {
			bytes += level.Size
		}
	}
	if err := c.room(bytes + openReserve); err != nil {
		return err
	}
	return c.kv.Flatten(1)
}

// poke makes sure that a round starts after now.
func (c *compactor) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// makeRoom starts merging where it is due, and waits for it where it is overdue.
// The error is that merging failed and there is no room: nothing may be written.
func (c *compactor) makeRoom() error {
	n := c.tables()
	if n >= mergeAt {
		c.poke()
	}
	for n >= holdAt {
		if err := c.wait(); err != nil {
			return fmt.Errorf("merge tables: %w", err)
		}
		before := n
		if n = c.tables(); n >= before {
			return errors.New("merge tables: there are not fewer after it")
		}
	}
	return nil
}

// wait waits until a round has ended that started after now: the second to end.
func (c *compactor) wait() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for second := c.rounds + 2; c.rounds < second; c.ended.Wait() {
		c.poke()
	}
	return c.err
}

func (c *compactor) tables() int { return c.kv.Levels()[0].NumTables }

// close ends the goroutine. The writer has ended before.
func (c *compactor) close() {
	close(c.wake)
	<-c.done
}
