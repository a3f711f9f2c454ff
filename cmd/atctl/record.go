package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"atserver/enroll/atauth"
)

// record is one of the owner's records with all that another server needs of it.
type record struct {
	Key      string   `json:"key"`
	Value    *string  `json:"value,omitempty"` // as stored; nil: it has none
	Metadata metadata `json:"metadata"`
}

// expired reports whether no reader gets the record any more.
func (r record) expired(now time.Time) bool {
	return !r.Metadata.ExpiresAt.IsZero() && !now.Before(r.Metadata.ExpiresAt.Time)
}

// sealed is the record as its keys open it.
func (r record) sealed() (atauth.Record, error) {
	meta, err := json.Marshal(r.Metadata)
	return atauth.Record{Key: r.Key, Data: r.Value, Meta: meta}, err
}

// lookedUp reads the reply to a lookup with "all".
func lookedUp(reply string) (record, error) {
	var r struct {
		Key      string
		Data     *string
		Metadata metadata `json:"metaData"`
	}
	if err := json.Unmarshal([]byte(reply), &r); err != nil {
		return record{}, fmt.Errorf("the server sent no record: %w", err)
	}
	return record{r.Key, r.Data, r.Metadata}, nil
}

// fingerprint is what two records are compared by. Many more of them fit into
// memory than records.
type fingerprint struct {
	value, essence       [sha256.Size]byte
	createdAt, updatedAt int64 // Unix ms; 0: not known
}

func (r record) fingerprint() fingerprint {
	m := r.Metadata.essence()
	p := fingerprint{createdAt: millis(m.CreatedAt), updatedAt: millis(m.UpdatedAt)}
	m.CreatedAt, m.UpdatedAt = stamp{}, stamp{}
	p.value, p.essence = digest(r.Value), digest(m) // JSON tells a missing value from an empty one
	return p
}

func digest(value any) [sha256.Size]byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts, and JSON that has been read, always have this form
	}
	return sha256.Sum256(text)
}

func millis(s stamp) int64 {
	if s.IsZero() {
		return 0
	}
	return s.UnixMilli()
}

// sameContent reports whether one record is a copy of the other, made earlier,
// whatever a server made of its metadata.
func (p fingerprint) sameContent(other fingerprint) bool {
	return p.value == other.value && sameDate(p.updatedAt, other.updatedAt)
}

// same reports whether two records do not differ in anything that can be copied.
func (p fingerprint) same(other fingerprint) bool {
	return p.sameContent(other) && p.essence == other.essence && sameDate(p.createdAt, other.createdAt)
}

// sameDate takes a date that is not known for the same: a server of 2024 has records
// without any, and a copy is given some.
func sameDate(a, b int64) bool { return a == b || a == 0 || b == 0 }
