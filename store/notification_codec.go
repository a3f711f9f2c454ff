package store

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"atserver/store/atkey"
)

// Fields of a notification, after the chunks and the size of a large value, which
// have the numbers that they have in a record. Numbers are never reused.
const (
	noteValue    = 6
	noteID       = 7
	noteFrom     = 8
	noteTo       = 9
	noteKey      = 10
	noteType     = 11
	noteStatus   = 12
	noteOp       = 13
	noteText     = 14
	notePriority = 15
	noteRetries  = 16
	noteLatest   = 17
	noteDepth    = 18
	noteNotifier = 19
	noteLife     = 20
	noteExpires  = 21
	noteMeta     = 22
	noteUntil    = 23
)

// encode returns the bytes of a notification whose value, if it is large, has been
// taken over by s.
func (n *Notification) encode(s *stored) []byte {
	b := append(make([]byte, 0, 256+len(s.value)), recordFormat)
	if s.chunked {
		b = appendVarint(b, fieldChunks, s.chunks)
		b = appendVarint(b, fieldSize, s.size)
	}
	if s.value != nil {
		b = appendBytes(b, noteValue, s.value)
	}
	b = appendBytes(b, noteID, []byte(n.ID))
	b = appendBytes(b, noteFrom, []byte(n.From))
	b = appendBytes(b, noteTo, []byte(n.To))
	b = appendBytes(b, noteKey, []byte(n.Key))
	for _, field := range []struct {
		num protowire.Number
		n   uint64
	}{
		{noteType, uint64(n.Type)}, {noteStatus, uint64(n.Status)}, {noteOp, uint64(n.Op)},
		{noteText, protowire.EncodeBool(n.Text)}, {notePriority, uint64(n.Priority)}, {noteRetries, uint64(n.Retries)},
		{noteLatest, protowire.EncodeBool(n.Latest)}, {noteDepth, uint64(n.Depth)}, {noteLife, uint64(n.Life.Milliseconds())},
		{noteUntil, protowire.EncodeBool(n.Until)},
	} {
		if field.n != 0 {
			b = appendVarint(b, field.num, field.n)
		}
	}
	b = appendBytes(b, noteNotifier, []byte(n.Notifier))
	b = appendTime(b, noteExpires, n.Expires)
	if n.Meta != nil {
		meta, _ := (&stored{Meta: *n.Meta, head: head{commit: -1}}).encode()
		b = appendBytes(b, noteMeta, meta)
	}
	return b
}

// decodeNotification reads what encode wrote. Texts share no memory with b, the
// value does.
func decodeNotification(at time.Time, b []byte) (Notification, error) {
	n := Notification{At: at}
	var h head
	var failed error
	err := eachField(b, func(num protowire.Number, v uint64, data []byte) bool {
		if data == nil {
			n.set(num, v)
			if num <= fieldCommit {
				h.set(num, v)
			}
			return true
		}
		switch num {
		case noteValue:
			n.Value = data
		case noteID:
			n.ID = string(data)
		case noteFrom:
			n.From = atkey.Sign(data)
		case noteTo:
			n.To = atkey.Sign(data)
		case noteKey:
			n.Key = string(data)
		case noteNotifier:
			n.Notifier = string(data)
		case noteMeta:
			var s stored
			s, failed = decode(data)
			n.Meta = &s.Meta
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err == nil && (n.ID == "" || n.Type == 0) {
		err = errRecord
	}
	if h.chunked {
		n.left = &h
	}
	return n, err
}

func (n *Notification) set(num protowire.Number, v uint64) {
	switch num {
	case noteType:
		n.Type = NotificationType(v)
	case noteStatus:
		n.Status = NotificationStatus(v)
	case noteOp:
		n.Op = NotificationOp(v)
	case noteText:
		n.Text = protowire.DecodeBool(v)
	case notePriority:
		n.Priority = Priority(v)
	case noteRetries:
		n.Retries = int(v & math.MaxInt32)
	case noteLatest:
		n.Latest = protowire.DecodeBool(v)
	case noteDepth:
		n.Depth = int(v & math.MaxInt32)
	case noteLife:
		n.Life = time.Duration(min(v, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	case noteUntil:
		n.Until = protowire.DecodeBool(v)
	case noteExpires:
		n.Expires = fromMillis(v)
	}
}
