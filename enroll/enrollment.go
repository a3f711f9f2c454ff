package enroll

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Enrollment is one app on one device. All facts are recorded when they happen:
// what was not written at the time can never be recovered.
type Enrollment struct {
	ID     string `json:"id"`
	App    string `json:"app"`
	Device string `json:"device"`
	Grants Grants `json:"grants"`
	Stored Status `json:"status"` // as last written; see StatusAt

	Key         string    `json:"key"` // public key as the app sent it, see ParsePublicKey
	Algorithm   Algorithm `json:"algorithm"`
	Fingerprint string    `json:"fingerprint"` // of the key; no two enrollments share one

	// Wrapped keys that the server keeps for the app and cannot open.
	SymmetricKey string     `json:"symmetricKey,omitempty"`
	PrivateKey   WrappedKey `json:"privateKey,omitzero"`
	SelfKey      WrappedKey `json:"selfKey,omitzero"`

	Metadata   json.RawMessage `json:"metadata,omitempty"`
	Apsk       json.RawMessage `json:"apsk,omitempty"`       // at most one of the two
	ApskLegacy string          `json:"apskLegacy,omitempty"` // is set

	Private string `json:"private,omitempty"` // where its private namespace is: see private.go

	Origin        string        `json:"origin"` // how consent was proved: "cram", "legacy", "passcode", "self"
	Session       string        `json:"session"`
	RequestedAt   time.Time     `json:"requestedAt"`
	RequestedFrom string        `json:"requestedFrom"`
	Lifetime      time.Duration `json:"lifetime,omitempty"` // asked for, counted from approval; 0 is for ever
	ExpiresAt     time.Time     `json:"expiresAt,omitzero"`
	DecidedAt     time.Time     `json:"decidedAt,omitzero"`
	DecidedBy     string        `json:"decidedBy,omitempty"` // enrollment id, "cram" or "operator"
	Parent        string        `json:"parent,omitempty"`    // the enrollment that approved it: falls when that falls
	SuccessorOf   string        `json:"successorOf,omitempty"`
	Replaced      time.Time     `json:"replaced,omitzero"` // when its first successor logged in
	RevokedAt     time.Time     `json:"revokedAt,omitzero"`
	RevokedBy     string        `json:"revokedBy,omitempty"`
}

// WrappedKey is a key that a client encrypted for the app, opaque to the server.
type WrappedKey struct {
	Value string `json:"value"`
	IV    string `json:"iv,omitempty"` // absent: the all-zero IV
}

// StatusAt returns the status at a time: what is stored, or Expired.
func (e *Enrollment) StatusAt(now time.Time) Status {
	if !e.ExpiresAt.IsZero() && !now.Before(e.ExpiresAt) {
		return Expired
	}
	return e.Stored
}

// FoldID brings an id to the form in which it is compared, so that no spelling of
// it slips past a rule.
func FoldID(id string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimFunc(id, isEdge)), " ", "")
}

func isEdge(r rune) bool {
	return unicode.IsSpace(r) || r == '\uFEFF'

}

// NewID returns a random UUID, version 4 (RFC 9562).
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
