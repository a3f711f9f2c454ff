package store

import (
	"encoding/binary"
	"errors"
	"time"
)

// SweepNotifications removes the notifications that have expired at now and says
// how many. Like Sweep it looks at due times only, and goes in steps.
func (db *DB) SweepNotifications(now time.Time) (int, error) {
	for total := 0; ; {
		var n int
		var more bool
		err := db.Update(func(tx *Tx) (err error) {
			n, more, err = tx.sweepNotifications(now)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; !more {
			return total, nil
		}
	}
}

func (tx *Tx) sweepNotifications(now time.Time) (n int, more bool, err error) {
	scanned := tx.scan([]byte{rowNoteDue}, nil, keysOnly, func(p pair) bool {
		if len(p.key) != 17 || dueTime(p.key).After(now) {
			return false
		}
		if n >= sweepRecords || len(tx.journal) > sweepWrites {
			more = true
			return false
		}
		n++
		note, failed := tx.notificationAt(p.key[9:])
		switch {
		case errors.Is(failed, ErrNotFound):
			err = tx.remove(p.key)
		case failed != nil:
			err = failed
		default:
			err = tx.RemoveNotification(note)
		}
		return err == nil
	})
	return n, more, errors.Join(scanned, err)
}

// NotificationCounts tells how many notifications there are, of which kind.
type NotificationCounts struct {
	Total                         int
	Types                         map[NotificationType]int
	Statuses                      map[NotificationStatus]int // of those that have not expired
	Expired                       int
	Updates, Deletes, Keys, Texts int
}

// CountNotifications counts without reading any of them.
func (tx *Tx) CountNotifications() (NotificationCounts, error) {
	c := NotificationCounts{Types: map[NotificationType]int{}, Statuses: map[NotificationStatus]int{}}
	expired := map[int64]bool{}
	err := tx.scan([]byte{rowNoteDue}, nil, keysOnly, func(p pair) bool {
		if len(p.key) != 17 || dueTime(p.key).After(tx.now) {
			return false
		}
		expired[int64(binary.BigEndian.Uint64(p.key[9:]))] = true
		return true
	})
	if err != nil {
		return c, err
	}
	for _, n := range tx.db.fleeting.all() {
		c.add(n.flags(), false)
	}
	err = tx.scan([]byte{rowNote}, nil, keysOnly, func(p pair) bool {
		c.add(p.flags, expired[number(p.key)])
		return true
	})
	return c, err
}

func (c *NotificationCounts) add(flags byte, expired bool) {
	c.Total++
	c.Types[typeIn(flags)]++
	if expired {
		c.Expired++
	} else {
		c.Statuses[statusIn(flags)]++
	}
	if flags&(1<<4) != 0 {
		c.Deletes++
	} else {
		c.Updates++
	}
	if flags&(1<<5) != 0 {
		c.Texts++
	} else {
		c.Keys++
	}
}
