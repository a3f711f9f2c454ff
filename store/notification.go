package store

import (
	"time"

	"atserver/store/atkey"
)

// Notification tells an atSign of something: the owner, or one that the owner
// wants to be told.
type Notification struct {
	ID       string
	From, To atkey.Sign
	At       time.Time // set by Enqueue: later than that of every one before
	Key      string    // full name as it was typed, or the text
	Type     NotificationType
	Status   NotificationStatus
	Op       NotificationOp
	Text     bool // Key is text, not the name of a record
	Priority Priority
	Retries  int
	Latest   bool // only the last Depth of its notifier are worth sending
	Depth    int
	Notifier string
	Life     time.Duration // asked for; ExpiresAt says what came of it
	Expires  time.Time
	Until    bool   // Expires was asked for, not Life
	Value    []byte // nil: none
	Meta     *Meta  // nil: none

	// Ephemeral ones are never written: they are in memory until they expire, or
	// the server ends, or there are too many.
	Ephemeral bool

	left *head // the value is where it was left: see LoadNotification
}

// NotificationType says which way a notification goes.
type NotificationType byte

const (
	Sent     NotificationType = 1 + iota // to another atSign
	Received                             // by the owner, from others or from the owner
	Internal                             // of this server to the owner's apps
)

// NotificationStatus says how far one has come. That it has expired is a question
// asked with the time: see Expired.
type NotificationStatus byte

const (
	Queued NotificationStatus = iota
	Delivered
	Errored // will never be delivered
)

// NotificationOp is what happened to what the key names.
type NotificationOp byte

const (
	NotifyUpdate NotificationOp = 1 + iota
	NotifyDelete
)

// Priority is what the sender thinks of a notification. It changes no order.
type Priority byte

const (
	Low Priority = 1 + iota
	Medium
	High
)

// Expired tells whether a notification is of no use any more.
func (n Notification) Expired(now time.Time) bool { return !now.Before(n.Expires) }

// Size is the length of the value in bytes, whether it was loaded or not.
func (n Notification) Size() int {
	if n.left != nil {
		return int(n.left.size)
	}
	return len(n.Value)
}

// flags are what a count needs to know, in Badger's byte of user metadata.
func (n Notification) flags() byte {
	b := byte(n.Type) | byte(n.Status)<<2
	if n.Op == NotifyDelete {
		b |= 1 << 4
	}
	if n.Text {
		b |= 1 << 5
	}
	return b
}

func typeIn(flags byte) NotificationType     { return NotificationType(flags & 3) }
func statusIn(flags byte) NotificationStatus { return NotificationStatus(flags >> 2 & 3) }

// sender tells notifications of one id apart: nobody overwrites another's.
func (n Notification) sender(me atkey.Sign) atkey.Sign {
	if n.From == me {
		return ""
	}
	return n.From
}
