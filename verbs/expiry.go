package verbs

import (
	"strconv"
	"sync"
	"time"

	"atserver/store"
)

// NotificationExpiry removes notifications that have expired, now and then.
type NotificationExpiry struct {
	db  *store.DB
	now func() time.Time

	mu    sync.Mutex
	every time.Duration
	next  time.Time // zero: not planned yet
}

// NewNotificationExpiry returns one for what is kept in db.
func NewNotificationExpiry(db *store.DB, now func() time.Time, every time.Duration) *NotificationExpiry {
	return &NotificationExpiry{db: db, now: now, every: every}
}

// expiredStays is how long one that has expired is kept, so that its sender learns
// what became of it.
const expiredStays = time.Minute

// notificationCompaction is the row that keeps what stats tells of the last run.
const notificationCompaction = "compaction.notification"

// Every sets how often it is done.
func (e *NotificationExpiry) Every(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.every, e.next = d, time.Time{}
}

// Run does it when it is due at now, and keeps what stats tells of it.
func (e *NotificationExpiry) Run(now time.Time) error {
	if !e.due(now) {
		return nil
	}
	started := e.now()
	removed, err := e.db.SweepNotifications(now.Add(-expiredStays))
	if err != nil {
		return err
	}
	return e.db.Update(func(tx *store.Tx) error {
		counts, err := tx.CountNotifications()
		if err != nil {
			return err
		}
		return putCompaction(tx, notificationCompaction, compaction{
			Type: "AtNotificationKeystore", Run: now.UTC().Format(timeLayout),
			Millis: strconv.FormatInt(e.now().Sub(started).Milliseconds(), 10),
			Before: strconv.Itoa(counts.Total + removed), After: strconv.Itoa(counts.Total), Deleted: strconv.Itoa(removed),
		})
	})
}

// due tells whether it is time, and plans the next one. The first is planned when
// it is asked first.
func (e *NotificationExpiry) due(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	due := !e.next.IsZero() && !now.Before(e.next)
	if due || e.next.IsZero() {
		e.next = now.Add(e.every)
	}
	return due
}
