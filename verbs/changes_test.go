package verbs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"atserver/enroll"
	"atserver/store"
)

// TestHorizon: what is remembered of the log never shows in an answer. A server that
// has been asked all along says what one says that remembers nothing.
func TestHorizon(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rootApp, &enroll.Enrollment{
			ID: "wavi", App: "wavi", Device: "pixel", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": enroll.Read},
		})
		owner, old := w.app("root"), w.app("wavi")
		name := rapid.SampledFrom([]string{"a.wavi@alice", "b.wavi@alice", "public:a.wavi@alice", "a.buzz@alice", "b.buzz@alice", "public:a.buzz@alice", "@bob:shared_key@alice"})
		rt.Repeat(map[string]func(*rapid.T){
			"update":          func(rt *rapid.T) { owner.exec("update:" + name.Draw(rt, "key") + " v") },
			"delete":          func(rt *rapid.T) { owner.exec("delete:" + name.Draw(rt, "key")) },
			"delete silently": func(rt *rapid.T) { owner.exec("delete:nc:" + name.Draw(rt, "key")) },
			"others": func(rt *rapid.T) {
				for range 2 * farEnough {
					owner.exec("update:b.buzz@alice v")
				}
			},
			"ask": func(rt *rapid.T) {
				pattern := rapid.SampledFrom([]string{"", ":b", ":^public"}).Draw(rt, "pattern")
				line := "stats:3" + pattern
				if rapid.Bool().Draw(rt, "sync") {
					line = fmt.Sprintf("sync:from:%d:limit:%d:skipDeletesUntil:%d%s", rapid.IntRange(-1, 20*farEnough).Draw(rt, "after"),
						rapid.IntRange(1, 3).Draw(rt, "limit"), rapid.IntRange(0, 20).Draw(rt, "skip"), pattern)
				}
				got, _ := old.exec(line)
				known := w.env.Horizons
				w.env.Horizons = NewHorizons()
				want, _ := old.exec(line)
				w.env.Horizons = known
				if got != want {
					rt.Fatalf("%s: %s\nwant %s", line, got, want)
				}
			},
		})
	})
}

// TestSyncArrives: whoever asks for page after page has everything that it may
// see, once and in order, and ends where stats says that the log ends, whatever
// the size of the pages (protocol, sync; quirk 15).
func TestSyncArrives(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{
		ID: "wavi", App: "wavi", Device: "pixel", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": enroll.Read},
	})
	owner, app := w.app("root"), w.app("wavi")
	for i := range 300 {
		owner.exec(fmt.Sprintf("update:k%d.buzz@alice v", i))
		if i%50 == 7 {
			owner.exec(fmt.Sprintf("update:k%d.wavi@alice v%d", i, i))
		}
	}
	owner.exec("delete:k7.wavi@alice")
	for range 40 {
		owner.exec("update:last.buzz@alice v")
	}
	last, _ := app.exec("stats:3")
	for _, limit := range []int{1, 2, 5, 100} {
		after, got := "-1", ""
		for range 20 {
			sent, _ := app.exec(fmt.Sprintf("sync:from:%s:limit:%d", after, limit))
			if sent == "data:[]\n@alice@" {
				break
			}
			for _, entry := range strings.Split(sent, `"atKey":"`)[1:] {
				key, _, _ := strings.Cut(entry, "@")
				_, id, _ := strings.Cut(entry, `"commitId":`)
				after, _, _ = strings.Cut(id, ",")
				got += key + " "
			}
		}
		if got != "k57.wavi k107.wavi k157.wavi k207.wavi k257.wavi k7.wavi " {
			t.Errorf("by %d: %s", limit, got)
		}
		if !strings.Contains(last, `"value":"`+after+`"`) {
			t.Errorf("by %d: ends at %s, stats says %s", limit, after, last)
		}
	}
}

// TestSyncOfFew: an app that sees few of many entries is told the same, in the same
// order, whichever way they are found.
func TestSyncOfFew(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{
		ID: "wavi", App: "wavi", Device: "pixel", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": enroll.Read, "a.buzz": enroll.Read},
	})
	seen := []string{
		"public:signing_publickey@alice", "@bob:shared_key@alice", "shared_key.bob@alice", "x.wavi@alice", "@bob:x.wavi@alice", "public:x.wavi@alice",
		"x.a.buzz@alice", "public:publickey@alice", "event.__atserver@alice", "note.wavi.a.__e@alice", "cached:public:publickey@bob", "cached:@alice:x.wavi@bob", "gone.wavi@alice",
	}
	fillers := 0
	for _, k := range append(slices.Clone(seen), seen...) {
		w.must(w.env.DB.Update(func(tx *store.Tx) error {
			keys := []string{k, "public:others.buzz@alice", "public:none@alice"}
			for range 2 * maxPassed / len(seen) {
				keys = append(keys, fmt.Sprintf("k%d.buzz@alice", fillers))
				fillers++
			}
			for _, k := range keys {
				if _, err := tx.Put(store.Record{Key: key(k), Value: []byte("v")}, store.OpUpdateAll, "root"); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	w.app("root").exec("delete:gone.wavi@alice") // which is the last one anyway
	want := seen
	for _, limit := range []int{1, 4, 1000} {
		app, after := w.app("wavi"), "-1"
		var got []string
		for range 2 * len(seen) {
			sent, _ := app.exec(fmt.Sprintf("sync:from:%s:limit:%d", after, limit))
			for _, entry := range strings.Split(sent, `"atKey":"`)[1:] {
				k, _, _ := strings.Cut(entry, `"`)
				_, id, _ := strings.Cut(entry, `"commitId":`)
				after, _, _ = strings.Cut(id, ",")
				got = append(got, k)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: %q\nwant %q", limit, got, want)
		}
	}
}

// TestSyncBudget: an answer ends before it exceeds its bytes, but holds an entry.
func TestSyncBudget(t *testing.T) {
	w, o := owner(t)
	w.env.SyncBytes = 1300
	for i, n := range []int{300, 300, 100, 2000, 10} {
		o.exec(fmt.Sprintf("update:k%d@alice %s", i, strings.Repeat("x", n)))
	}
	for after, want := range map[int]string{-1: "k0 k1", 0: "k1 k2", 1: "k2", 2: "k3", 3: "k4"} {
		sent, _ := o.exec(fmt.Sprintf("sync:from:%d", after))
		var got []string
		for _, entry := range strings.Split(sent, `"atKey":"`)[1:] {
			key, _, _ := strings.Cut(entry, "@")
			got = append(got, key)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("after %d: %q, want %s", after, got, want)
		}
	}
}
