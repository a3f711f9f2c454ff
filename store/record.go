package store

import (
	"time"

	"atserver/store/atkey"
)

// Record is a key with its value and metadata.
type Record struct {
	Key   atkey.Key
	Value []byte // nil: metadata alone, as update:meta leaves it. Not to be changed before Update returns
	Meta  Meta
	left  *head // the value is where Peek left it
}

// Size is the length of the value in bytes, whether it was loaded or not.
func (r Record) Size() int {
	if r.left != nil {
		return int(r.left.size)
	}
	return len(r.Value)
}

// Meta is what is stored about a record (protocol, metadata). Names on the wire
// are no matter of this package. Times are kept in milliseconds, UTC.
type Meta struct {
	CreatedBy, UpdatedBy atkey.Sign
	CreatedAt, UpdatedAt time.Time

	AvailableAt, ExpiresAt, RefreshAt time.Time // zero: none

	Version  int64
	TTL, TTB *int64 // milliseconds
	TTR      *int64 // seconds, -1 for ever

	CCD, IsBinary, IsEncrypted, Immutable *bool

	DataSignature, SharedKeyEnc, PubKeyCS, Encoding, EncKeyName, EncAlgo string
	IVNonce, SkeEncKeyName, SkeEncAlgo, PubKeyHash, HashingAlgo          string

	AppMetadata []byte // a JSON object
}

// State says whether a record may be shown.
type State uint8

const (
	Active State = iota
	Unborn
	Expired
)

// State tells how the record stands at now. A record expires at ExpiresAt, not
// after it, and is born at AvailableAt.
func (m Meta) State(now time.Time) State { return state(m.AvailableAt, m.ExpiresAt, now) }

func state(available, expires, now time.Time) State {
	switch {
	case !expires.IsZero() && !now.Before(expires):
		return Expired
	case available.After(now):
		return Unborn
	}
	return Active
}
