package store

import (
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"atserver/store/atkey"
)

func genTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.UnixMilli(rapid.Int64Range(-1e12, 1e15).Draw(t, "ms")).UTC()
	})
}

// genMeta fills every field that there is, now and later.
func genMeta() *rapid.Generator[Meta] {
	return rapid.Custom(func(t *rapid.T) Meta {
		var m Meta
		for i, v := 0, reflect.ValueOf(&m).Elem(); i < v.NumField(); i++ {
			name := v.Type().Field(i).Name
			switch f := v.Field(i).Addr().Interface().(type) {
			case *time.Time:
				*f = genTime().Draw(t, name)
			case *int64:
				*f = rapid.Int64().Draw(t, name)
			case **int64:
				*f = rapid.Ptr(rapid.Int64(), true).Draw(t, name)
			case **bool:
				*f = rapid.Ptr(rapid.Bool(), true).Draw(t, name)
			case *string:
				*f = rapid.String().Draw(t, name)
			case *atkey.Sign:
				*f = atkey.Sign(rapid.String().Draw(t, name))
			case *[]byte:
				if b := rapid.SliceOf(rapid.Byte()).Draw(t, name); len(b) > 0 {
					*f = b
				}
			default:
				t.Fatalf("field %s is of a kind that the codec has no place for", name)
			}
		}
		return m
	})
}

func TestRecordSurvivesTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := stored{Meta: genMeta().Draw(t, "meta")}
		s.available, s.expires = s.AvailableAt, s.ExpiresAt
		s.commit = rapid.Int64Min(-1).Draw(t, "commit")
		switch rapid.IntRange(0, 2).Draw(t, "value") {
		case 1:
			s.value = []byte(rapid.String().Draw(t, "bytes"))
		case 2:
			s.chunked, s.chunks, s.size = true, rapid.Uint64().Draw(t, "id"), rapid.Uint64().Draw(t, "size")
		}
		b, flags := s.encode()
		got, err := decode(b)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("got %+v, %v\nwant %+v", got, err, s)
		}
		if lives := !s.AvailableAt.IsZero() || !s.ExpiresAt.IsZero(); lives != (flags == flagLifetime) {
			t.Fatalf("flags %b", flags)
		}
		h, err := decodeHead(b)
		if err != nil || h != s.head {
			t.Fatalf("head %+v, %v; want %+v", h, err, s.head)
		}
	})
}

func TestDecodeStepsOverWhatItDoesNotKnow(t *testing.T) {
	s := stored{Meta: Meta{Version: 3, CreatedBy: me}, head: head{commit: -1}, value: []byte("v")}
	b, _ := s.encode()
	b = appendBytes(b, 900, []byte("later"))
	b = appendVarint(b, 901, 7)
	b = protowire.AppendFixed64(protowire.AppendTag(b, 902, protowire.Fixed64Type), 1)
	b = appendVarint(b, fieldValue, 7) // of another kind than it should be
	b = appendBytes(b, fieldVersion, []byte("x"))
	s.row = len(b)
	if got, err := decode(b); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	s := stored{Meta: Meta{Encoding: "base64"}, value: []byte("value")}
	b, _ := s.encode()
	for n := range len(b) {
		_, err := decode(b[:n])
		_, headErr := decodeHead(b[:n])
		if n == 0 && (err == nil || headErr == nil) {
			t.Error("nothing at all passes for a record")
		}
	}
	for _, b := range [][]byte{nil, {}, {9}, {recordFormat, 0xFF}, {recordFormat, fieldValue<<3 | 2, 200, 1}, {recordFormat, 0x0C}} {
		if _, err := decode(b); err != errRecord {
			t.Errorf("decode(%x) = %v", b, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	now := time.UnixMilli(1700000000000)
	ttl, yes := int64(60000), true
	for _, s := range []stored{
		{},
		{value: []byte{}},
		{value: []byte("value"), head: head{commit: 7}, Meta: Meta{CreatedBy: me, CreatedAt: now, ExpiresAt: now, TTL: &ttl, IsBinary: &yes}},
		{head: head{chunked: true, chunks: 1, size: 1 << 20, commit: -1}, Meta: Meta{AppMetadata: []byte(`{"a":1}`), AvailableAt: now}},
	} {
		b, _ := s.encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if _, headErr := decodeHead(b); err == nil && headErr != nil {
			t.Fatal("record without a head:", headErr)
		}
		if err != nil {
			return
		}
		again, _ := s.encode()
		if s2, err := decode(again); err != nil || !reflect.DeepEqual(canonical(s2), canonical(s)) {
			t.Fatalf("%+v became %+v, %v", s, s2, err)
		}
	})
}

// canonical forgets what encode does: the instant that is time.Time's zero, and
// chunks without a size.
func canonical(s stored) stored {
	s.available, s.expires = s.AvailableAt, s.ExpiresAt
	if !s.chunked {
		s.size = 0
	}
	return s
}
