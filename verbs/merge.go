package verbs

import (
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// merge returns the metadata that a write leaves, old being nil for a record
// that is new, or expired. What the write does not mention stays as it was, but
// isBinary and isEncrypted, which fall back to false.
func (f fragments) merge(old *store.Meta, self atkey.Sign, now time.Time) store.Meta {
	m := store.Meta{CreatedBy: self, CreatedAt: now}
	if old != nil {
		m = *old
		m.Version++
	}
	m.UpdatedBy, m.UpdatedAt = self, now
	if f.createdAt != nil {
		m.CreatedAt = *f.createdAt
	}
	if f.updatedAt != nil {
		m.UpdatedAt = *f.updatedAt
	}
	f.mergeLifetimes(&m, now)
	f.mergeCaching(&m, now)
	m.IsBinary, m.IsEncrypted = orFalse(f.isBinary), orFalse(f.isEncrypted)
	if f.immutable != nil {
		m.Immutable = f.immutable
	}
	if f.appMetadata != nil {
		m.AppMetadata = f.appMetadata
	}
	for name, value := range f.texts {
		if value == "null" {
			value = ""
		}
		*textFields[name](&m) = value
	}
	if m.PubKeyHash == "" {
		m.HashingAlgo = ""
	}
	return m
}

// mergeLifetimes derives birth and expiry. A write that says nothing of them
// moves neither, so that no record lives longer by being written.
func (f fragments) mergeLifetimes(m *store.Meta, now time.Time) {
	if f.ttb != nil {
		m.TTB = f.ttb
		m.AvailableAt = after(now, *f.ttb)
	}
	if f.ttl != nil {
		m.TTL = f.ttl
		m.ExpiresAt = time.Time{}
		if *f.ttl > 0 {
			m.ExpiresAt = after(now, *f.ttl)
			if f.ttb != nil {
				m.ExpiresAt = after(m.ExpiresAt, *f.ttb)
			}
		}
	}
	if f.availableAt != nil {
		m.AvailableAt = *f.availableAt
		if f.ttb == nil {
			m.TTB = positive(m.UpdatedAt, m.AvailableAt)
		}
	}
	if f.expiresAt != nil {
		m.ExpiresAt = *f.expiresAt
		if f.ttl == nil {
			from := m.UpdatedAt
			if f.availableAt != nil && f.availableAt.After(from) {
				from = *f.availableAt
			}
			m.TTL = positive(from, m.ExpiresAt)
		}
	}
}

// mergeCaching settles how others may keep copies. Cascading delete makes sense
// only with a refresh time, so a new record without one does not keep it.
func (f fragments) mergeCaching(m *store.Meta, now time.Time) {
	if f.ttr != nil {
		m.TTR = f.ttr
		if m.CCD == nil {
			m.CCD = orFalse(nil)
		}
	}
	if f.ccd != nil && (f.ttr != nil || m.Version > 0) {
		m.CCD = f.ccd
	}
	m.RefreshAt = time.Time{}
	if m.TTR != nil && *m.TTR > 0 {
		m.RefreshAt = after(now, min(*m.TTR, maxLifetime/1000)*1000)
	}
}

// endOfTime is the last date that clients can read.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)

func after(t time.Time, ms int64) time.Time {
	const day = 24 * 60 * 60 * 1000 // in two steps: a Duration overflows after 292 years
	t = t.AddDate(0, 0, int(ms/day)).Add(time.Duration(ms%day) * time.Millisecond)
	if t.After(endOfTime) {
		return endOfTime
	}
	return t
}

// positive is the time between two dates in ms, nil if there is none. A Duration
// would overflow.
func positive(from, to time.Time) *int64 {
	if ms := to.UnixMilli() - from.UnixMilli(); ms > 0 {
		return &ms
	}
	return nil
}

func orFalse(b *bool) *bool {
	if b == nil {
		b = new(bool)
	}
	return b
}
