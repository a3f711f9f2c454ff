package verbs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atserver/store"
)

// edit is one update, so many milliseconds after the epoch of the tests.
type edit struct {
	at        int64
	fragments string
}

// merged is the metadata that a row of writes leaves.
func merged(t *testing.T, writes ...edit) store.Meta {
	t.Helper()
	var old *store.Meta
	for _, w := range writes {
		l := line{rest: w.fragments}
		f, err := l.fragments()
		if err != nil || !l.end() {
			t.Fatalf("%s: %v, left %q", w.fragments, err, l.rest)
		}
		m := f.merge(old, "@alice", epoch.Add(time.Duration(w.at)*time.Millisecond))
		old = &m
	}
	return *old
}

// told renders what a write may change. Times are milliseconds of the epoch.
func told(m store.Meta) string {
	var parts []string
	for name, n := range map[string]*int64{"ttl": m.TTL, "ttb": m.TTB, "ttr": m.TTR} {
		if n != nil {
			parts = append(parts, fmt.Sprintf("%s=%d", name, *n))
		}
	}
	for name, at := range map[string]time.Time{"expires": m.ExpiresAt, "available": m.AvailableAt, "refresh": m.RefreshAt} {
		if !at.IsZero() {
			parts = append(parts, fmt.Sprintf("%s=%d", name, at.UnixMilli()-epoch.UnixMilli()))
		}
	}
	for name, b := range map[string]*bool{"ccd": m.CCD, "immutable": m.Immutable} {
		if b != nil {
			parts = append(parts, fmt.Sprintf("%s=%v", name, *b))
		}
	}
	for name, field := range textFields {
		if s := *field(&m); s != "" {
			parts = append(parts, name+"="+s)
		}
	}
	if len(m.AppMetadata) > 0 {
		parts = append(parts, "app="+string(m.AppMetadata))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// TestMerge has a row for each rule of protocol data §4.3 and §4.4 in the form
// of 2026, and of protocol 2026 §4.2 and §4.3.
func TestMerge(t *testing.T) {
	const hour = 3_600_000
	at := func(ms int64) string {
		return epoch.Add(time.Duration(ms) * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
	}
	for _, c := range []struct {
		name   string
		writes []edit
		want   string
	}{
		{"nothing said", []edit{{0, ""}}, ""},

		// Lifetimes.
		{"ttl", []edit{{0, ":ttl:5000"}}, "expires=5000 ttl=5000"},
		{"ttl 0", []edit{{0, ":ttl:0"}}, "ttl=0"},
		{"ttl 0 removes the expiry", []edit{{0, ":ttl:5000"}, {1, ":ttl:0"}}, "ttl=0"},
		{"ttb", []edit{{0, ":ttb:5000"}}, "available=5000 ttb=5000"},
		{"ttb 0 is available at once", []edit{{7, ":ttb:0"}}, "available=7 ttb=0"},
		{"ttb 0 ends the wait", []edit{{0, ":ttb:5000"}, {7, ":ttb:0"}}, "available=7 ttb=0"},
		{"ttl runs from birth", []edit{{0, ":ttl:5000:ttb:300"}}, "available=300 expires=5300 ttb=300 ttl=5000"},
		{"ttb and no end", []edit{{0, ":ttl:0:ttb:300"}}, "available=300 ttb=300 ttl=0"},
		{"ttl kept, its clock does not restart", []edit{{0, ":ttl:5000"}, {1000, ""}}, "expires=5000 ttl=5000"},
		{"ttb kept, it is not unborn again", []edit{{0, ":ttb:300"}, {1000, ""}}, "available=300 ttb=300"},
		{"ttl said again", []edit{{0, ":ttl:5000"}, {1000, ":ttl:5000"}}, "expires=6000 ttl=5000"},
		{"ttl alone adds no old ttb", []edit{{0, ":ttb:300"}, {1000, ":ttl:50"}}, "available=300 expires=1050 ttb=300 ttl=50"},
		{"ttb alone moves no expiry", []edit{{0, ":ttl:5000"}, {1000, ":ttb:50"}}, "available=1050 expires=5000 ttb=50 ttl=5000"},
		{"a lifetime of years", []edit{{0, ":ttl:31536000000000"}}, "expires=31536000000000 ttl=31536000000000"},

		// Lifetimes that the client asserts.
		{"eAt gives the ttl", []edit{{1000, ":eAt:" + at(hour)}}, "expires=3600000 ttl=3599000"},
		{"eAt from the asserted update", []edit{{1000, ":uAt:" + at(2000) + ":eAt:" + at(hour)}}, "expires=3600000 ttl=3598000"},
		{"eAt from the asserted birth", []edit{{1000, ":aAt:" + at(5000) + ":eAt:" + at(hour)}}, "available=5000 expires=3600000 ttb=4000 ttl=3595000"},
		{"eAt from the update, birth being earlier", []edit{{1000, ":aAt:" + at(500) + ":eAt:" + at(hour)}}, "available=500 expires=3600000 ttl=3599000"},
		{"eAt in the past stores no ttl", []edit{{hour, ":eAt:" + at(0)}}, "expires=0"},
		{"eAt now stores no ttl", []edit{{5, ":eAt:" + at(5)}}, "expires=5"},
		{"eAt in the past over a ttl", []edit{{0, ":ttl:5000"}, {hour, ":eAt:" + at(1)}}, "expires=1"},
		{"eAt and ttl as given", []edit{{0, ":ttl:42:eAt:" + at(hour)}}, "expires=3600000 ttl=42"},
		{"eAt and ttl 0 as given", []edit{{0, ":ttl:0:eAt:" + at(hour)}}, "expires=3600000 ttl=0"},
		{"eAt of far away", []edit{{0, ":eAt:2326-10-01T12:00:00Z"}}, "expires=9467020800000 ttl=9467020800000"},
		{"eAt kept", []edit{{0, ":eAt:" + at(hour)}, {1000, ""}}, "expires=3600000 ttl=3600000"},
		{"aAt gives the ttb", []edit{{1000, ":aAt:" + at(5000)}}, "available=5000 ttb=4000"},
		{"aAt and ttb as given", []edit{{0, ":ttb:42:aAt:" + at(5000)}}, "available=5000 ttb=42"},
		{"aAt in the past stores no ttb", []edit{{1000, ":aAt:" + at(0)}}, "available=0"},
		{"ttl over a pinned birth", []edit{{0, ":aAt:" + at(5000)}, {1000, ":ttl:50"}}, "available=5000 expires=1050 ttb=5000 ttl=50"},

		// Caching.
		{"ttr", []edit{{0, ":ttr:60"}}, "ccd=false refresh=60000 ttr=60"},
		{"ttr for ever", []edit{{0, ":ttr:-1"}}, "ccd=false ttr=-1"},
		{"ttr 0 is not given", []edit{{0, ":ttr:0"}}, ""},
		{"ttr 0 keeps what was", []edit{{0, ":ttr:60"}, {1000, ":ttr:0"}}, "ccd=false refresh=61000 ttr=60"},
		{"ttr kept, refreshed from now", []edit{{0, ":ttr:60"}, {1000, ""}}, "ccd=false refresh=61000 ttr=60"},
		{"ttr for ever stops the refresh", []edit{{0, ":ttr:60"}, {1000, ":ttr:-1"}}, "ccd=false ttr=-1"},
		{"ttr and ccd", []edit{{0, ":ttr:60:ccd:true"}}, "ccd=true refresh=60000 ttr=60"},
		{"ccd alone on a new record is dropped", []edit{{0, ":ccd:true"}}, ""},
		{"ccd with ttr 0 on a new record too", []edit{{0, ":ccd:true:ttr:0"}}, ""},
		{"ccd alone on a record with ttr", []edit{{0, ":ttr:60"}, {1000, ":ccd:true"}}, "ccd=true refresh=61000 ttr=60"},
		{"ccd alone on a record without", []edit{{0, ""}, {1000, ":ccd:true"}}, "ccd=true"},
		{"ttr alone on a record with ccd", []edit{{0, ":ttr:60:ccd:true"}, {1000, ":ttr:90"}}, "ccd=true refresh=91000 ttr=90"},
		{"ttr alone on a record without", []edit{{0, ""}, {1000, ":ttr:90"}}, "ccd=false refresh=91000 ttr=90"},
		{"ccd kept", []edit{{0, ":ttr:-1:ccd:true"}, {1000, ""}}, "ccd=true ttr=-1"},

		// Texts.
		{"texts kept", []edit{{0, ":ivNonce:n:encoding:base64"}, {1, ":encAlgo:AES"}}, "encalgo=AES encoding=base64 ivnonce=n"},
		{"null clears", []edit{{0, ":ivNonce:n:encoding:base64"}, {1, ":ivNonce:null"}}, "encoding=base64"},
		{"null on a new record", []edit{{0, ":ivNonce:null:encoding:base64"}}, "encoding=base64"},
		{"NULL is a text", []edit{{0, ":ivNonce:NULL"}}, "ivnonce=NULL"},
		{"hash", []edit{{0, ":pubKeyHash:h:hashingAlgo:sha512"}}, "hashingalgo=sha512 pubkeyhash=h"},
		{"hash kept", []edit{{0, ":pubKeyHash:h:hashingAlgo:sha512"}, {1, ""}}, "hashingalgo=sha512 pubkeyhash=h"},
		{"hash algorithm without hash", []edit{{0, ":hashingAlgo:sha512"}}, ""},
		{"hash cleared", []edit{{0, ":pubKeyHash:h:hashingAlgo:sha512"}, {1, ":pubKeyHash:null"}}, ""},
		{"hash algorithm of the hash that is there", []edit{{0, ":pubKeyHash:h"}, {1, ":hashingAlgo:md5"}}, "hashingalgo=md5 pubkeyhash=h"},
		{"status of shared keys is not kept", []edit{{0, ":sharedKeyStatus:SENT"}}, ""},
		{"own metadata kept", []edit{{0, ":appMetadata:eyJhIjoxfQ=="}, {1, ""}}, `app={"a":1}`},
		{"own metadata replaced, not merged", []edit{{0, ":appMetadata:eyJhIjoxfQ=="}, {1, ":appMetadata:e30="}}, `app={}`},
		{"own metadata cleared", []edit{{0, ":appMetadata:eyJhIjoxfQ=="}, {1, ":appMetadata:null"}}, ""},
		{"immutable kept", []edit{{0, ":immutable:true"}, {1, ""}}, "immutable=true"},
		{"immutable false is said", []edit{{0, ":immutable:false"}}, "immutable=false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := told(merged(t, c.writes...)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestMergeFlags: isBinary and isEncrypted are always there, and fall back to
// false when a write does not repeat them.
func TestMergeFlags(t *testing.T) {
	for _, c := range []struct {
		writes      []edit
		bin, sealed bool
	}{
		{[]edit{{0, ""}}, false, false},
		{[]edit{{0, ":isBinary:true:isEncrypted:true"}}, true, true},
		{[]edit{{0, ":isBinary:true:isEncrypted:true"}, {1, ""}}, false, false},
		{[]edit{{0, ":isBinary:true"}, {1, ":isEncrypted:true"}}, false, true},
	} {
		m := merged(t, c.writes...)
		if m.IsBinary == nil || m.IsEncrypted == nil || *m.IsBinary != c.bin || *m.IsEncrypted != c.sealed {
			t.Errorf("%v: %v, %v", c.writes, m.IsBinary, m.IsEncrypted)
		}
	}
}

// TestMergeHistory: who and when, and how often.
func TestMergeHistory(t *testing.T) {
	ms := func(n int64) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }
	old := store.Meta{CreatedBy: "@bob", UpdatedBy: "@bob", CreatedAt: ms(1), UpdatedAt: ms(2), Version: 7}
	m := fragments{}.merge(&old, "@alice", ms(9))
	if m.CreatedBy != "@bob" || m.UpdatedBy != "@alice" || !m.CreatedAt.Equal(ms(1)) || !m.UpdatedAt.Equal(ms(9)) || m.Version != 8 {
		t.Errorf("%+v", m)
	}
	m = fragments{}.merge(nil, "@alice", ms(9))
	if m.CreatedBy != "@alice" || m.UpdatedBy != "@alice" || !m.CreatedAt.Equal(ms(9)) || !m.UpdatedAt.Equal(ms(9)) || m.Version != 0 {
		t.Errorf("new: %+v", m)
	}
	asserted, touched := ms(-5000), ms(-4000)
	m = fragments{createdAt: &asserted, updatedAt: &touched}.merge(&old, "@alice", ms(9))
	if !m.CreatedAt.Equal(asserted) || !m.UpdatedAt.Equal(touched) || m.CreatedBy != "@bob" || m.Version != 8 {
		t.Errorf("asserted: %+v", m)
	}
	if old.Version != 7 || old.UpdatedBy != "@bob" {
		t.Errorf("the old metadata was changed: %+v", old)
	}
}

// TestMergeKeeps: whatever was stored, a write that says nothing keeps it all
// but the two flags, the time, the version and the time to refresh.
func TestMergeKeeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := anyMeta.Draw(t, "before")
		if before.PubKeyHash == "" {
			before.HashingAlgo = ""
		}
		after := fragments{}.merge(&before, "@alice", epoch)
		want := before
		want.UpdatedBy, want.UpdatedAt, want.Version = "@alice", epoch, before.Version+1
		want.IsBinary, want.IsEncrypted, want.RefreshAt = new(bool), new(bool), after.RefreshAt
		if got, want := string(appendMeta(nil, after)), string(appendMeta(nil, want)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		if (after.RefreshAt.IsZero()) != (before.TTR == nil || *before.TTR <= 0) {
			t.Fatalf("ttr %v refreshes at %v", before.TTR, after.RefreshAt)
		}
	})
}
