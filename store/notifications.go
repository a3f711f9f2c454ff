package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"time"

	"atserver/store/atkey"
)

// Enqueue keeps a notification and gives it its time. One by the same id and the
// same sender makes way, unless it still waits to be sent. A Sent one that is
// Queued waits in the queue of its recipient. Options.Notified is told of each
// after the commit.
func (tx *Tx) Enqueue(n *Notification) error {
	switch {
	case n.ID == "" || n.Type == 0 || bytes.IndexByte([]byte(n.ID), 0) >= 0:
		return errRecord
	case tx.batch == nil:
		return ErrReadOnly
	}
	n.At = time.UnixMilli(max(tx.now.UnixMilli(), tx.seq.noted+1)).UTC()
	n.Expires = n.Expires.Truncate(time.Millisecond)
	tx.seq.noted = n.At.UnixMilli()
	if err := tx.supersede(n); err != nil {
		return err
	}
	if n.Ephemeral {
		kept := *n
		tx.AfterCommit(func() { tx.db.fleeting.add(kept) })
	} else if err := tx.putNew(n); err != nil {
		return err
	}
	if told := tx.db.notified; told != nil {
		kept := *n
		tx.AfterCommit(func() { told(kept) })
	}
	return nil
}

// putNew writes the rows of a notification that is new.
func (tx *Tx) putNew(n *Notification) error {
	s := stored{value: n.Value}
	if len(n.Value) > chunkSize {
		if err := tx.chunk(noteSuffix(n.At), &s); err != nil {
			return err
		}
	}
	if err := tx.set(noteRow(n.At), n.encode(&s), n.flags()); err != nil {
		return err
	}
	if err := tx.set(tx.noteIDKey(*n), be64(uint64(n.At.UnixMilli())), 0); err != nil {
		return err
	}
	if err := tx.set(noteDueKey(*n), []byte{1}, 0); err != nil {
		return err
	}
	if n.Type == Sent && n.Status == Queued {
		if err := tx.set(queueKey(n.To, n.At), queueValue(*n), 0); err != nil {
			return err
		}
	}
	if err := tx.holdsNote(*n, 1); err != nil {
		return err
	}
	return tx.set(notedKey, be64(uint64(tx.seq.noted)), 0)
}

// supersede removes the notification whose place n takes.
func (tx *Tx) supersede(n *Notification) error {
	old, err := tx.notificationOf(n.ID, n.sender(tx.layout.me))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if waits, err := tx.waits(old); err != nil || waits {
		return err
	}
	return tx.RemoveNotification(old)
}

func (tx *Tx) waits(n Notification) (bool, error) {
	if n.Ephemeral || n.Type != Sent {
		return n.Type == Sent && n.Status == Queued, nil
	}
	_, _, err := tx.get(queueKey(n.To, n.At))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Notification returns the one by an id: this atSign's own, else the newest of
// those that others sent. Its value may have been left where it is.
func (tx *Tx) Notification(id string) (Notification, error) {
	all, err := tx.byID(id)
	if err != nil {
		return Notification{}, err
	}
	if len(all) == 0 {
		return Notification{}, ErrNotFound
	}
	return slices.MaxFunc(all, func(a, b Notification) int {
		if own := a.From == tx.layout.me; own != (b.From == tx.layout.me) {
			if own {
				return 1
			}
			return -1
		}
		return a.At.Compare(b.At)
	}), nil
}

// NotificationFrom returns the one that a sender gave an id.
func (tx *Tx) NotificationFrom(id string, from atkey.Sign) (Notification, error) {
	return tx.notificationOf(id, Notification{From: from}.sender(tx.layout.me))
}

func (tx *Tx) notificationOf(id string, sender atkey.Sign) (Notification, error) {
	for _, n := range tx.db.fleeting.all() {
		if n.ID == id && n.sender(tx.layout.me) == sender {
			return n, nil
		}
	}
	at, _, err := tx.get(row(rowNoteID, []byte(id), []byte{0}, []byte(sender)))
	if err != nil {
		return Notification{}, err
	}
	return tx.notificationAt(at)
}

// byID returns all that were given an id, by whomever.
func (tx *Tx) byID(id string) (found []Notification, err error) {
	for _, n := range tx.db.fleeting.all() {
		if n.ID == id {
			found = append(found, n)
		}
	}
	var ats [][]byte
	if err := tx.scan(row(rowNoteID, []byte(id), []byte{0}), nil, values, func(p pair) bool {
		ats = append(ats, bytes.Clone(p.value))
		return true
	}); err != nil {
		return nil, err
	}
	for _, at := range ats {
		n, err := tx.notificationAt(at)
		if err != nil {
			return nil, err
		}
		found = append(found, n)
	}
	return found, nil
}

// notificationAt reads a row, by the time that another row names.
func (tx *Tx) notificationAt(at []byte) (Notification, error) {
	if len(at) != 8 {
		return Notification{}, errRecord
	}
	t := time.UnixMilli(int64(binary.BigEndian.Uint64(at))).UTC()
	b, _, err := tx.get(noteRow(t))
	if err != nil {
		return Notification{}, err
	}
	return decodeNotification(t, b)
}

// LoadNotification fetches a large value that was left where it is.
func (tx *Tx) LoadNotification(n *Notification) (err error) {
	if n.left == nil {
		return nil
	}
	if n.Value, err = tx.load(noteSuffix(n.At), *n.left); err == nil {
		n.left = nil
	}
	return err
}

// Notifications yields those with a time after one and not after another, oldest
// first. Values above 64 KiB are left where they are.
func (tx *Tx) Notifications(after, upTo time.Time) iter.Seq2[Notification, error] {
	return func(yield func(Notification, error) bool) {
		memory := slices.DeleteFunc(tx.db.fleeting.all(), func(n Notification) bool { return !n.At.After(after) || n.At.After(upTo) })
		more := true
		from := noteRow(time.UnixMilli(max(after.UnixMilli()+1, 0)))
		err := tx.scan([]byte{rowNote}, from, values, func(p pair) bool {
			at := time.UnixMilli(number(p.key)).UTC()
			if at.After(upTo) {
				return false
			}
			for more && len(memory) > 0 && memory[0].At.Before(at) {
				more = yield(memory[0], nil)
				memory = memory[1:]
			}
			if !more {
				return false
			}
			n, err := decodeNotification(at, bytes.Clone(p.value))
			more = yield(n, err) && err == nil
			return more
		})
		for ; more && err == nil && len(memory) > 0; memory = memory[1:] {
			more = yield(memory[0], nil)
		}
		if err != nil && more {
			yield(Notification{}, err)
		}
	}
}

// RemoveNotification removes one with all that hangs on it. What waits to be sent
// is sent no more.
func (tx *Tx) RemoveNotification(n Notification) error {
	if n.Ephemeral {
		if tx.batch == nil {
			return ErrReadOnly
		}
		tx.AfterCommit(func() { tx.db.fleeting.remove(n.At) })
		return nil
	}
	if err := tx.holdsNote(n, -1); err != nil {
		return err
	}
	if n.left != nil {
		if err := tx.unchunk(noteSuffix(n.At), *n.left); err != nil {
			return err
		}
	}
	at, _, err := tx.get(tx.noteIDKey(n))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if bytes.Equal(at, be64(uint64(n.At.UnixMilli()))) { // else a newer one goes by this id
		if err := tx.remove(tx.noteIDKey(n)); err != nil {
			return err
		}
	}
	for _, key := range [][]byte{noteRow(n.At), noteDueKey(n), queueKey(n.To, n.At)} {
		if err := tx.remove(key); err != nil {
			return err
		}
	}
	return nil
}

// LastNotified is the time of the newest notification ever kept on disk.
func (tx *Tx) LastNotified() (time.Time, error) {
	ms, err := tx.noted()
	return time.UnixMilli(ms).UTC(), err
}

func (tx *Tx) noted() (int64, error) {
	b, _, err := tx.get(notedKey)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err == nil && len(b) != 8 {
		err = errCounters
	}
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// notedKey holds the time of the newest notification, which lasts when that is
// removed: clients ask for what came after a time.
var notedKey = row(rowMeta, []byte("notified"))

func noteSuffix(at time.Time) []byte { return noteRow(at) } // "n" is no class of records

func noteRow(at time.Time) []byte { return numbered(rowNote, at.UnixMilli()) }

func (tx *Tx) noteIDKey(n Notification) []byte {
	return row(rowNoteID, []byte(n.ID), []byte{0}, []byte(n.sender(tx.layout.me)))
}

func noteDueKey(n Notification) []byte {
	due := dueKey(be64(uint64(n.At.UnixMilli())), n.Expires)
	due[0] = rowNoteDue
	return due
}
