package verbs

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"atserver/store"
	"atserver/store/atkey"
)

// metaOrder is the order of protocol data §4.1, which at_java's parser and
// people's eyes rely on.
var metaOrder = []string{
	"createdBy", "updatedBy", "createdAt", "updatedAt", "availableAt", "expiresAt", "refreshAt", "status", "version",
	"ttl", "ttb", "ttr", "ccd", "isBinary", "isEncrypted", "dataSignature", "sharedKeyEnc", "pubKeyCS", "pubKeyHash",
	"encoding", "encKeyName", "encAlgo", "ivNonce", "skeEncKeyName", "skeEncAlgo", "immutable", "appMetadata",
}

func TestAppendMeta(t *testing.T) {
	n, yes, no := int64(5), true, false
	at := time.Date(2026, 10, 4, 10, 45, 0, 721_999_999, time.FixedZone("", 7200))
	full := store.Meta{
		CreatedBy: "@alice", UpdatedBy: "@🦄", CreatedAt: at, UpdatedAt: at, AvailableAt: at, ExpiresAt: at, RefreshAt: at,
		Version: 3, TTL: &n, TTB: &n, TTR: &n, CCD: &yes, IsBinary: &no, IsEncrypted: &yes, Immutable: &no,
		DataSignature: "s", SharedKeyEnc: "e", PubKeyCS: "c", Encoding: "base64", EncKeyName: "<k>", EncAlgo: "a&b",
		IVNonce: `"n\`, SkeEncKeyName: "q", SkeEncAlgo: "z", PubKeyHash: "h", HashingAlgo: "sha512", AppMetadata: []byte(`{"x":[1,null]}`),
	}
	const date = `"2026-10-04 08:45:00.721Z"`
	for _, c := range []struct {
		name string
		meta store.Meta
		want string
	}{
		{"all", full, `{"createdBy":"@alice","updatedBy":"@🦄","createdAt":` + date + `,"updatedAt":` + date + `,"availableAt":` + date +
			`,"expiresAt":` + date + `,"refreshAt":` + date + `,"status":"active","version":3,"ttl":5,"ttb":5,"ttr":5,"ccd":true,` +
			`"isBinary":false,"isEncrypted":true,"dataSignature":"s","sharedKeyEnc":"e","pubKeyCS":"c","pubKeyHash":{"hash":"h","hashingAlgo":"sha512"},` +
			`"encoding":"base64","encKeyName":"<k>","encAlgo":"a&b","ivNonce":"\"n\\","skeEncKeyName":"q","skeEncAlgo":"z","immutable":false,"appMetadata":{"x":[1,null]}}`},
		{"nothing", store.Meta{}, `{"status":"active","version":0}`},
		{"a record of an old client", store.Meta{CreatedBy: "@alice", UpdatedBy: "@alice", CreatedAt: at, UpdatedAt: at, IsBinary: &no, IsEncrypted: &no},
			`{"createdBy":"@alice","updatedBy":"@alice","createdAt":` + date + `,"updatedAt":` + date + `,"status":"active","version":0,"isBinary":false,"isEncrypted":false}`},
		{"hash without algorithm", store.Meta{PubKeyHash: "h"}, `{"status":"active","version":0,"pubKeyHash":{"hash":"h"}}`},
		{"algorithm without hash", store.Meta{HashingAlgo: "md5"}, `{"status":"active","version":0}`},
		{"a whole second", store.Meta{CreatedAt: at.Truncate(time.Second)}, `{"createdAt":"2026-10-04 08:45:00.000Z","status":"active","version":0}`},
	} {
		if got := string(appendMeta(nil, c.meta)); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

var (
	// anyText holds what JSON and lines have trouble with.
	anyText = rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[a-z"\\<>&\x00-\x1f{}\[\],: üあ🦄\x{2028}]{1,8}`))
	anyTime = rapid.Map(rapid.Int64Range(-1, 4_000_000_000_000), func(ms int64) time.Time {
		if ms < 0 {
			return time.Time{}
		}
		return time.UnixMilli(ms).UTC()
	})
	anyNumber = rapid.Ptr(rapid.Int64(), true)
	anyTruth  = rapid.Ptr(rapid.Bool(), true)
	anyObject = rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "absent") {
			return nil
		}
		raw, err := json.Marshal(rapid.MapOf(anyText, rapid.SliceOf(anyText)).Draw(t, "members"))
		if err != nil {
			panic(err)
		}
		return raw
	})
	anyMeta = rapid.Custom(func(t *rapid.T) store.Meta {
		text := func() string { return anyText.Draw(t, "text") }
		at := func() time.Time { return anyTime.Draw(t, "time") }
		return store.Meta{
			CreatedBy: "@alice", UpdatedBy: atkey.Sign(text()), CreatedAt: at(), UpdatedAt: at(), AvailableAt: at(), ExpiresAt: at(), RefreshAt: at(),
			Version: rapid.Int64Range(0, 1<<40).Draw(t, "version"),
			TTL:     anyNumber.Draw(t, "ttl"), TTB: anyNumber.Draw(t, "ttb"), TTR: rapid.Ptr(rapid.Int64Range(-1, 1<<40), true).Draw(t, "ttr"),
			CCD: anyTruth.Draw(t, "ccd"), IsBinary: anyTruth.Draw(t, "bin"), IsEncrypted: anyTruth.Draw(t, "enc"), Immutable: anyTruth.Draw(t, "imm"),
			DataSignature: text(), SharedKeyEnc: text(), PubKeyCS: text(), Encoding: text(), EncKeyName: text(), EncAlgo: text(),
			IVNonce: text(), SkeEncKeyName: text(), SkeEncAlgo: text(), PubKeyHash: text(), HashingAlgo: text(), AppMetadata: anyObject.Draw(t, "app"),
		}
	})
)

// TestAppendMetaProperty: whatever is stored, metadata is one line of JSON, in
// the order of the protocol, with no null and with dates that clients parse.
func TestAppendMetaProperty(t *testing.T) {
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$`)
	rapid.Check(t, func(t *rapid.T) {
		m := anyMeta.Draw(t, "meta")
		raw := appendMeta(nil, m)
		if !json.Valid(raw) || !utf8.Valid(raw) || bytes.ContainsAny(raw, "\r\n") {
			t.Fatalf("%q", raw)
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.Token()
		last := -1
		for d.More() {
			name, _ := d.Token()
			var value any
			if err := d.Decode(&value); err != nil || value == nil {
				t.Fatalf("%v: %v, %v", name, value, err)
			}
			place := slices.Index(metaOrder, name.(string))
			if place <= last {
				t.Fatalf("%v is out of order in %s", name, raw)
			}
			last = place
			if strings.HasSuffix(name.(string), "At") && !date.MatchString(value.(string)) {
				t.Fatalf("%v is %v", name, value)
			}
		}
		var back struct{ EncKeyName, CreatedAt string }
		if err := json.Unmarshal(raw, &back); err != nil || back.EncKeyName != strings.ToValidUTF8(m.EncKeyName, "\ufffd") {
			t.Fatalf("%q came back as %q, %v", m.EncKeyName, back.EncKeyName, err)
		}
		if at, err := time.Parse("2006-01-02 15:04:05.000Z", back.CreatedAt); !m.CreatedAt.IsZero() && (err != nil || !at.Equal(m.CreatedAt)) {
			t.Fatalf("%v came back as %v, %v", m.CreatedAt, at, err)
		}
	})
}

// TestRecord: the three forms of an answer, in every state.
func TestRecord(t *testing.T) {
	k, value := key("public:phone.wavi@alice"), []byte("+1 \"2\"\x01<ü>")
	meta := store.Meta{Version: 1}
	unborn, expired, born := meta, meta, meta
	unborn.AvailableAt, expired.ExpiresAt = epoch.Add(time.Millisecond), epoch
	born.AvailableAt, born.ExpiresAt = epoch, epoch.Add(time.Millisecond)
	const metaJSON, times = `{"status":"active","version":1}`, `{"availableAt":"2026-10-01 12:00:00.000Z","expiresAt":"2026-10-01 12:00:00.001Z","status":"active","version":1}`
	const data = `"data":"+1 \"2\"\u0001<ü>",`
	for _, c := range []struct {
		name           string
		record         store.Record
		value, of, all string
	}{
		{"a record", store.Record{Key: k, Value: value, Meta: meta}, string(value), metaJSON, `{"key":"public:phone.wavi@alice",` + data + `"metaData":` + metaJSON + `}`},
		{"metadata alone", store.Record{Key: k, Meta: meta}, "null", metaJSON, `{"key":"public:phone.wavi@alice","metaData":` + metaJSON + `}`},
		{"just born, about to end", store.Record{Key: k, Value: value, Meta: born}, string(value), times,
			`{"key":"public:phone.wavi@alice",` + data + `"metaData":` + times + `}`},
		{"unborn", store.Record{Key: k, Value: value, Meta: unborn}, "null", "null", "null"},
		{"expired", store.Record{Key: k, Value: value, Meta: expired}, "null", "null", "null"},
		{"cached", store.Record{Key: key("cached:@alice:x.wavi@bob"), Value: []byte("v"), Meta: meta}, "v", metaJSON,
			`{"key":"cached:@alice:x.wavi@bob","data":"v","metaData":` + metaJSON + `}`},
	} {
		for o, want := range map[op]string{opValue: c.value, opMeta: c.of, opAll: c.all} {
			if got := string(record(c.record, o, epoch).Data); got != want {
				t.Errorf("%s\ngot  %s\nwant %s", c.name, got, want)
			}
			if got := record(c.record, o, epoch); o != opValue && !json.Valid(got.Data) {
				t.Errorf("%s: %s is no JSON", c.name, got.Data)
			}
		}
	}
}

func TestAppendNames(t *testing.T) {
	for want, names := range map[string][]string{
		`[]`: {}, `["a"]`: {"a"}, `["a.\"*@alice","🦄@alice"]`: {`a."*@alice`, "🦄@alice"},
	} {
		if got := string(appendNames(nil, names)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
