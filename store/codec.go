package store

import (
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// A record is one format byte and then tagged fields as Protocol Buffers have
// them: what a later version adds, an earlier one steps over. Lifetimes come
// first, because listings read no further. Numbers are never reused.
const recordFormat = 1

const (
	fieldAvailable = 1 // signed milliseconds since 1970, like all times
	fieldExpires   = 2
	fieldChunks    = 3 // id of the large value kept in chunks
	fieldSize      = 4 // its size in bytes
	fieldCommit    = 5 // id of the commit entry; absent: none
	fieldValue     = 6 // absent: no value
	fieldVersion   = 7
	fieldApp       = 8
	firstTime      = 9  // …11
	firstInt       = 16 // …18
	firstFlag      = 24 // …27
	firstText      = 32 // …44
)

// flagLifetime marks records that have AvailableAt or ExpiresAt. It stands in
// Badger's byte of user metadata, where a listing finds it without the value.
const flagLifetime = 1

var errRecord = errors.New("record is damaged")

// stored is a record as it is on disk.
type stored struct {
	Meta
	head
	value []byte
}

// head is what stands before the value: all that changing a record needs to know
// of the one before.
type head struct {
	available, expires time.Time
	chunked            bool
	chunks, size       uint64 // id of the chunks, and bytes in them
	commit             int64  // -1: no entry
	row                int    // bytes of the row, chunks apart
}

func (m *Meta) times() []*time.Time {
	return []*time.Time{&m.CreatedAt, &m.UpdatedAt, &m.RefreshAt}
}

func (m *Meta) ints() []**int64 { return []**int64{&m.TTL, &m.TTB, &m.TTR} }

func (m *Meta) flags() []**bool {
	return []**bool{&m.CCD, &m.IsBinary, &m.IsEncrypted, &m.Immutable}
}

func (m *Meta) texts() []*string {
	return []*string{(*string)(&m.CreatedBy), (*string)(&m.UpdatedBy), &m.DataSignature, &m.SharedKeyEnc,
		&m.PubKeyCS, &m.Encoding, &m.EncKeyName, &m.EncAlgo, &m.IVNonce, &m.SkeEncKeyName, &m.SkeEncAlgo,
		&m.PubKeyHash, &m.HashingAlgo}
}

// encode returns the bytes and the flags of a record.
func (s *stored) encode() (b []byte, flags byte) {
	b = append(make([]byte, 0, 128+len(s.value)), recordFormat)
	b = appendTime(b, fieldAvailable, s.AvailableAt)
	b = appendTime(b, fieldExpires, s.ExpiresAt)
	if len(b) > 1 {
		flags = flagLifetime
	}
	if s.chunked {
		b = appendVarint(b, fieldChunks, s.chunks)
		b = appendVarint(b, fieldSize, s.size)
	}
	if s.commit >= 0 {
		b = appendVarint(b, fieldCommit, uint64(s.commit))
	}
	if s.value != nil {
		b = appendBytes(b, fieldValue, s.value)
	}
	if s.Version != 0 {
		b = appendVarint(b, fieldVersion, protowire.EncodeZigZag(s.Version))
	}
	if len(s.AppMetadata) > 0 {
		b = appendBytes(b, fieldApp, s.AppMetadata)
	}
	for i, t := range s.times() {
		b = appendTime(b, firstTime+protowire.Number(i), *t)
	}
	for i, n := range s.ints() {
		if *n != nil {
			b = appendVarint(b, firstInt+protowire.Number(i), protowire.EncodeZigZag(**n))
		}
	}
	for i, f := range s.flags() {
		if *f != nil {
			b = appendVarint(b, firstFlag+protowire.Number(i), protowire.EncodeBool(**f))
		}
	}
	for i, t := range s.texts() {
		if *t != "" {
			b = appendBytes(b, firstText+protowire.Number(i), []byte(*t))
		}
	}
	s.row = len(b)
	return b, flags
}

// decode reads what encode wrote. Value and AppMetadata share memory with b.
func decode(b []byte) (stored, error) {
	s := stored{head: head{commit: -1}}
	times, ints, flags, texts := s.times(), s.ints(), s.flags(), s.texts()
	err := eachField(b, func(num protowire.Number, n uint64, data []byte) bool {
		i := int(num)
		if data != nil {
			switch {
			case i == fieldValue:
				s.value = data
			case i == fieldApp && len(data) > 0:
				s.AppMetadata = data
			case i >= firstText && i < firstText+len(texts):
				*texts[i-firstText] = string(data)
			}
			return true
		}
		switch {
		case i <= fieldCommit:
			s.head.set(num, n)
		case i == fieldVersion:
			s.Version = protowire.DecodeZigZag(n)
		case i >= firstTime && i < firstTime+len(times):
			*times[i-firstTime] = fromMillis(n)
		case i >= firstInt && i < firstInt+len(ints):
			v := protowire.DecodeZigZag(n)
			*ints[i-firstInt] = &v
		case i >= firstFlag && i < firstFlag+len(flags):
			v := protowire.DecodeBool(n)
			*flags[i-firstFlag] = &v
		}
		return true
	})
	s.AvailableAt, s.ExpiresAt, s.row = s.available, s.expires, len(b)
	return s, err
}

// decodeHead reads what stands before the value.
func decodeHead(b []byte) (head, error) {
	h := head{commit: -1, row: len(b)}
	err := eachField(b, func(num protowire.Number, n uint64, data []byte) bool {
		if num <= fieldCommit && data == nil {
			h.set(num, n)
		}
		return num <= fieldCommit
	})
	return h, err
}

func (h *head) set(num protowire.Number, n uint64) {
	switch num {
	case fieldAvailable:
		h.available = fromMillis(n)
	case fieldExpires:
		h.expires = fromMillis(n)
	case fieldChunks:
		h.chunked, h.chunks = true, n
	case fieldSize:
		h.size = n
	case fieldCommit:
		h.commit = int64(n & math.MaxInt64)
	}
}

// eachField calls f for every number (data is nil) and every text (data is not)
// until it returns false. Fields of other kinds are stepped over.
func eachField(b []byte, f func(num protowire.Number, n uint64, data []byte) bool) error {
	if len(b) == 0 || b[0] != recordFormat {
		return errRecord
	}
	for b = b[1:]; len(b) > 0; {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errRecord
		}
		b = b[n:]
		var value uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			if n = protowire.ConsumeFieldValue(num, kind, b); n >= 0 {
				b = b[n:]
				continue
			}
		}
		if n < 0 {
			return errRecord
		}
		b = b[n:]
		if kind == protowire.BytesType && data == nil {
			data = []byte{}
		}
		if !f(num, value, data) {
			return nil
		}
	}
	return nil
}

func appendVarint(b []byte, num protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), n)
}

func appendBytes(b []byte, num protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), data)
}

func appendTime(b []byte, num protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendVarint(b, num, protowire.EncodeZigZag(t.UnixMilli()))
}

func fromMillis(n uint64) time.Time { return time.UnixMilli(protowire.DecodeZigZag(n)).UTC() }
