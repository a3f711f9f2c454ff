package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"atserver/store/atkey"
)

// Held is what others have this server keep. Bytes are about those on disk.
type Held struct {
	Notes, NoteBytes   int64 // notifications that were received, and are on disk
	Copies, CopyBytes  int64 // of records, the cached ones
	EphemeralNoteBytes int64 // of notifications that were received, in memory
}

func (h *Held) numbers() []*int64 { return []*int64{&h.Notes, &h.NoteBytes, &h.Copies, &h.CopyBytes} }

// Held tells what is kept of one other atSign, or with "" of all of them. It reads one
// row, which the updates that change what is kept bring up to date.
func (tx *Tx) Held(of atkey.Sign) (Held, error) {
	h, err := tx.held(of)
	for _, n := range tx.db.fleeting.all() {
		if tx.isForeign(n) && (of == "" || n.From == of) {
			h.EphemeralNoteBytes += int64(weight(n))
		}
	}
	return h, err
}

// isForeign tells whether others have the server keep a notification.
func (tx *Tx) isForeign(n Notification) bool { return n.Type == Received && n.From != tx.layout.me }

func (tx *Tx) held(of atkey.Sign) (h Held, err error) {
	b, _, err := tx.get(heldKey(of))
	if errors.Is(err, ErrNotFound) {
		return h, nil
	}
	for _, number := range h.numbers() {
		n, length := binary.Uvarint(b)
		if err == nil && length <= 0 {
			err = errRecord
		}
		if err != nil {
			return Held{}, err
		}
		*number, b = int64(n), b[length:]
	}
	return h, nil
}

// holds adds to what is kept of an atSign, and of all.
func (tx *Tx) holds(of atkey.Sign, more Held) error {
	for _, of := range []atkey.Sign{of, ""} {
		h, err := tx.held(of)
		if err != nil {
			return err
		}
		added := more.numbers()
		for i, number := range h.numbers() {
			*number = max(*number+*added[i], 0)
		}
		if err := tx.setHeld(of, h); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) setHeld(of atkey.Sign, h Held) error {
	if h == (Held{}) {
		return tx.remove(heldKey(of))
	}
	var b []byte
	for _, number := range h.numbers() {
		b = binary.AppendUvarint(b, uint64(*number))
	}
	return tx.set(heldKey(of), b, 0)
}

func heldKey(of atkey.Sign) []byte { return row(rowHeld, []byte(of)) }

func noteBytes(n Notification) int64 { return int64(weight(n) - len(n.Value) + n.Size()) }

// holdsNote counts a notification that comes (1) or goes (-1).
func (tx *Tx) holdsNote(n Notification, sign int64) error {
	if !tx.isForeign(n) {
		return nil
	}
	return tx.holds(n.From, Held{Notes: sign, NoteBytes: sign * noteBytes(n)})
}

func copyBytes(h head) int64 { return int64(h.row) + int64(h.size) }

// holdsCopy counts a record that comes (1) or goes (-1), if it is a copy.
func (tx *Tx) holdsCopy(suffix []byte, h head, sign int64) error {
	of, is := ownerOfCopy(suffix)
	if !is {
		return nil
	}
	return tx.holds(of, Held{Copies: sign, CopyBytes: sign * copyBytes(h)})
}

// ownerOfCopy tells whose record the suffix of a cached one stands for.
func ownerOfCopy(suffix []byte) (atkey.Sign, bool) {
	for _, c := range classes {
		if c.letter == suffix[0] && c.cached {
			return atkey.Sign(suffix[1:bytes.IndexByte(suffix, 0)]), true
		}
	}
	return "", false
}

// countHeld counts anew what is kept of each.
func (tx *Tx) countHeld() (map[atkey.Sign]Held, error) {
	counted := map[atkey.Sign]Held{}
	add := func(of atkey.Sign, more Held) {
		for _, of := range []atkey.Sign{of, ""} {
			h := counted[of]
			added := more.numbers()
			for i, number := range h.numbers() {
				*number += *added[i]
			}
			counted[of] = h
		}
	}
	var failed error
	notes := tx.scan([]byte{rowNote}, nil, values, func(p pair) bool {
		var n Notification
		if n, failed = decodeNotification(time.Time{}, p.value); failed == nil && tx.isForeign(n) {
			add(n.From, Held{Notes: 1, NoteBytes: noteBytes(n)})
		}
		return failed == nil
	})
	if err := errors.Join(notes, failed); err != nil {
		return nil, err
	}
	err := tx.scan([]byte{rowData}, nil, values, func(p pair) bool {
		of, is := ownerOfCopy(p.key[1:])
		var h head
		if h, failed = decodeHead(p.value); is && failed == nil {
			add(of, Held{Copies: 1, CopyBytes: copyBytes(h)})
		}
		return failed == nil
	})
	return counted, errors.Join(err, failed)
}
