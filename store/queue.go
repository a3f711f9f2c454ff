package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"atserver/store/atkey"
)

// The queue of a recipient is its Sent notifications that are Queued, oldest
// first.

// Waiting yields the atSigns that notifications wait for, each once.
func (tx *Tx) Waiting() iter.Seq2[atkey.Sign, error] {
	return func(yield func(atkey.Sign, error) bool) {
		for _, to := range tx.db.fleeting.waiting() {
			if _, err := tx.first(queuePrefix(to), nil); errors.Is(err, ErrNotFound) && !yield(to, nil) {
				return
			}
		}
		for from := []byte{rowQueue}; ; {
			key, err := tx.first([]byte{rowQueue}, from)
			if errors.Is(err, ErrNotFound) {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
			end := bytes.IndexByte(key, 0)
			if end < 0 {
				yield("", errRecord)
				return
			}
			if !yield(atkey.Sign(key[1:end]), nil) {
				return
			}
			from = append(key[:end:end], 1) // past everything of this one
		}
	}
}

// countQueued tells how many notifications wait, for whomever.
func (tx *Tx) countQueued() (n int64, err error) {
	for _, waiting := range tx.db.fleeting.all() {
		if waiting.Type == Sent && waiting.Status == Queued {
			n++
		}
	}
	err = tx.scan([]byte{rowQueue}, nil, keysOnly, func(pair) bool { n++; return true })
	return n, err
}

// NextFor returns the notification that a recipient is to be sent next, or
// ErrNotFound. Its value may have been left where it is.
func (tx *Tx) NextFor(to atkey.Sign) (Notification, error) {
	next, inMemory := tx.db.fleeting.nextFor(to)
	key, err := tx.first(queuePrefix(to), nil)
	if errors.Is(err, ErrNotFound) && inMemory {
		return next, nil
	}
	if err != nil {
		return Notification{}, err
	}
	n, err := tx.notificationAt(key[len(key)-8:])
	if errors.Is(err, ErrNotFound) {
		err = errRecord
	}
	if err == nil && inMemory && next.At.Before(n.At) {
		return next, nil
	}
	return n, err
}

// Settle takes a notification off its queue with the status that it has from now
// on. One that was removed meanwhile stays removed; one whose id went to a newer
// one goes.
func (tx *Tx) Settle(n Notification, status NotificationStatus) error {
	if n.Ephemeral {
		if tx.batch == nil {
			return ErrReadOnly
		}
		tx.AfterCommit(func() { tx.db.fleeting.settle(n.At, status) })
		return nil
	}
	if err := tx.remove(queueKey(n.To, n.At)); err != nil {
		return err
	}
	at := be64(uint64(n.At.UnixMilli()))
	kept, err := tx.notificationAt(at)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if newest, _, err := tx.get(tx.noteIDKey(kept)); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	} else if !bytes.Equal(newest, at) {
		return tx.RemoveNotification(kept)
	}
	kept.Status = status
	s := stored{value: kept.Value}
	if kept.left != nil {
		s.head = *kept.left
	}
	return tx.set(noteRow(kept.At), kept.encode(&s), kept.flags())
}

// TrimQueue makes room in a queue for a notification of which only the last Depth
// of its notifier are worth sending: those before them will never be delivered.
func (tx *Tx) TrimQueue(n Notification) error {
	var of []Notification
	for _, waiting := range tx.db.fleeting.all() {
		if waiting.Type == Sent && waiting.Status == Queued && waiting.To == n.To && waiting.Latest && waiting.Notifier == n.Notifier {
			of = append(of, waiting)
		}
	}
	var ats [][]byte
	if err := tx.scan(queuePrefix(n.To), nil, values, func(p pair) bool {
		if bytes.Equal(p.value, queueValue(n)) {
			ats = append(ats, p.key[len(p.key)-8:])
		}
		return true
	}); err != nil {
		return err
	}
	for _, at := range ats {
		waiting, err := tx.notificationAt(at)
		if err != nil {
			return err
		}
		of = append(of, waiting)
	}
	for i := 0; i <= len(of)-max(n.Depth, 1); i++ {
		if err := tx.Settle(of[i], Errored); err != nil {
			return err
		}
	}
	return nil
}

// queueValue says whose latest ones a notification belongs to, if it is of that
// kind.
func queueValue(n Notification) []byte {
	if !n.Latest {
		return []byte{1}
	}
	return append([]byte{2}, n.Notifier...)
}

func queuePrefix(to atkey.Sign) []byte { return row(rowQueue, []byte(to), []byte{0}) }

func queueKey(to atkey.Sign, at time.Time) []byte {
	return binary.BigEndian.AppendUint64(queuePrefix(to), uint64(at.UnixMilli()))
}
