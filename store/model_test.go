package store

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atserver/store/atkey"
)

// model is what a DB is to its callers: a few maps.
type model struct {
	records map[atkey.Key]Record
	commits map[atkey.Key]Commit
	rows    map[string]string
	next    int64
	audit   []Event
}

func newModel() *model {
	return &model{records: map[atkey.Key]Record{}, commits: map[atkey.Key]Commit{}, rows: map[string]string{}}
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.records), maps.Clone(m.commits), maps.Clone(m.rows), m.next, slices.Clone(m.audit)}
}

func (m *model) commit(k atkey.Key, op Op, at time.Time) int64 {
	delete(m.commits, k)
	if op == Silent || !k.Committed() {
		return -1
	}
	m.commits[k] = Commit{ID: m.next, Key: k.String(), Op: op, At: at, By: "e1"}
	m.next++
	return m.next - 1
}

func (m *model) log(after int64) []Commit {
	var log []Commit
	for _, c := range m.commits {
		if c.ID > after {
			log = append(log, c)
		}
	}
	slices.SortFunc(log, func(a, b Commit) int { return cmp.Compare(a.ID, b.ID) })
	return log
}

func (m *model) sweep(now time.Time) (n int) {
	for k, r := range m.records {
		if r.Meta.State(now) == Expired {
			delete(m.records, k)
			delete(m.commits, k)
			n++
		}
	}
	return n
}

func (m *model) keys(f Filter) map[atkey.Key]Entry {
	found := map[atkey.Key]Entry{}
	for k, r := range m.records {
		if m.lets(f, k) {
			found[k] = Entry{k, r.Meta.AvailableAt, r.Meta.ExpiresAt}
		}
	}
	return found
}

// lets tells whether a filter lets a key through.
func (m *model) lets(f Filter, k atkey.Key) bool {
	return (f.Scopes == nil || slices.Contains(f.Scopes, k.Scope)) &&
		(f.Namespaces == nil || slices.ContainsFunc(f.Namespaces, k.In)) &&
		(f.SharedWith == "" || k.Scope == atkey.Shared && k.SharedWith == f.SharedWith) &&
		(f.Cached == nil || *f.Cached == k.Cached) && (f.Pairs == nil || *f.Pairs == (k.Reserved() == atkey.SharedKey))
}

var errWanted = errors.New("the update is to fail")

// change does one thing to both, and to the Tx checks what it returns.
func change(t *rapid.T, tx *Tx, m *model, keys []atkey.Key) {
	k := rapid.SampledFrom(keys).Draw(t, "key")
	op := rapid.SampledFrom([]Op{OpUpdateAll, OpUpdate, OpUpdateMeta, Silent}).Draw(t, "op")
	id := rapid.SampledFrom([]string{"", "a", "ab", "b"}).Draw(t, "row")
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0, 1, 2:
		r := Record{Key: k, Meta: Meta{Version: rapid.Int64Range(0, 9).Draw(t, "version")}}
		if n := rapid.SampledFrom([]int{-1, 0, 5, chunkSize, chunkSize + 1, 3 * chunkSize}).Draw(t, "size"); n >= 0 {
			r.Value = bytes.Repeat([]byte{byte('a' + r.Meta.Version)}, n)
		}
		if s := rapid.IntRange(-1, 9).Draw(t, "lives"); s >= 0 {
			r.Meta.ExpiresAt = tx.Now().Add(time.Duration(s) * time.Second)
		}
		if s := rapid.IntRange(-1, 3).Draw(t, "born"); s >= 0 {
			r.Meta.AvailableAt = tx.Now().Add(time.Duration(s) * time.Second)
		}
		if rapid.Bool().Draw(t, "look first") {
			look(t, tx, m, k)
		}
		put := r
		if old, there := m.records[k]; there && rapid.Bool().Draw(t, "metadata alone") {
			var err error
			if put, err = tx.Peek(k); err != nil || put.Size() != len(old.Value) {
				t.Fatalf("Peek(%s) = %d bytes, %v; want %d", k, put.Size(), err, len(old.Value))
			}
			put.Meta, r.Value = r.Meta, old.Value
		}
		got, err := tx.Put(put, op, "e1")
		if want := m.commit(k, op, tx.Now()); err != nil || got != want {
			t.Fatalf("Put(%s) = %d, %v; want %d", k, got, err, want)
		}
		m.records[k] = r
	case 3, 4:
		if op != Silent {
			op = OpDelete
		}
		got, existed, err := tx.Delete(k, op, "e1")
		_, there := m.records[k]
		if want := m.commit(k, op, tx.Now()); err != nil || got != want || existed != there {
			t.Fatalf("Delete(%s) = %d, %v, %v; want %d, %v", k, got, existed, err, want, there)
		}
		delete(m.records, k)
	case 5:
		value := rapid.SampledFrom([]string{"", "v", "w"}).Draw(t, "value")
		if rapid.Bool().Draw(t, "delete") {
			delete(m.rows, id)
			must(t, tx.DeleteRow(Settings, id))
		} else {
			m.rows[id] = value
			must(t, tx.PutRow(Settings, id, []byte(value)))
		}
	case 6:
		e := Event{Actor: "e1", Action: "test", Outcome: "ok", Detail: map[string]string{"n": id}}
		m.audit = append(m.audit, e)
		must(t, tx.Audit(e))
	}
	look(t, tx, m, k)
}

type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// look compares one record.
func look(t *rapid.T, tx *Tx, m *model, k atkey.Key) {
	want, there := m.records[k]
	got, err := tx.Get(k)
	if !there {
		if err != ErrNotFound {
			t.Fatalf("Get(%s) = %+v, %v; want none", k, got, err)
		}
		return
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Get(%s) = %d bytes, %+v, %v; want %d bytes, %+v", k, len(got.Value), got.Meta, err, len(want.Value), want.Meta)
	}
}

// compare looks at everything.
func compare(t *rapid.T, tx *Tx, m *model, keys []atkey.Key) {
	for _, k := range keys {
		look(t, tx, m, k)
		id, err := tx.CommitOf(k)
		if c, ok := m.commits[k]; err != nil || ok && id != c.ID || !ok && id != -1 {
			t.Fatalf("CommitOf(%s) = %d, %v; want %+v", k, id, err, c)
		}
	}
	var f Filter
	if rapid.Bool().Draw(t, "by scope") {
		f.Scopes = rapid.SliceOfDistinct(rapid.SampledFrom([]atkey.Scope{atkey.Self, atkey.Shared, atkey.Public, atkey.Private, atkey.Local, atkey.Server}), rapid.ID).Draw(t, "scopes")
	}
	if rapid.Bool().Draw(t, "by namespace") {
		f.Namespaces = rapid.SliceOfN(rapid.SampledFrom([]string{"b", "a.b", "x.a.b", "c", "ab", ""}), 0, 3).Draw(t, "namespaces")
	}
	if rapid.Bool().Draw(t, "by recipient") {
		f.SharedWith = rapid.SampledFrom(signs).Draw(t, "recipient")
	}
	f.Pairs = rapid.Ptr(rapid.Bool(), true).Draw(t, "pairs")
	f.Cached = rapid.Ptr(rapid.Bool(), true).Draw(t, "cached")
	got := map[atkey.Key]Entry{}
	for e, err := range tx.Keys(f) {
		must(t, err)
		if _, twice := got[e.Key]; twice {
			t.Fatalf("%s is listed twice", e.Key)
		}
		got[e.Key] = e
	}
	if want := m.keys(f); !maps.Equal(got, want) {
		t.Fatalf("Keys(%+v) = %v\nwant %v", f, got, want)
	}
	after := rapid.Int64Range(-1, m.next+1).Draw(t, "after")
	var log []Commit
	for c, err := range tx.Commits(after) {
		must(t, err)
		log = append(log, c)
	}
	if want := m.log(after); !slices.Equal(log, want) {
		t.Fatalf("Commits(%d) = %+v\nwant %+v", after, log, want)
	}
	var back []Commit
	for c, err := range tx.CommitsBack(after) {
		must(t, err)
		back = append(back, c)
	}
	slices.Reverse(back)
	if !slices.Equal(back, log) {
		t.Fatalf("CommitsBack(%d) = %+v\nwant %+v", after, back, log)
	}
	some := rapid.Int64Range(0, m.next+1).Draw(t, "commit")
	one, err := tx.Commit(some)
	if i := slices.IndexFunc(m.log(-1), func(c Commit) bool { return c.ID == some }); i < 0 && err != ErrNotFound || i >= 0 && (err != nil || one != m.log(-1)[i]) {
		t.Fatalf("Commit(%d) = %+v, %v; want entry %d of %v", some, one, err, i, m.log(-1))
	}
	f.SharedWith = ""
	ids, err := tx.CommitsOf(f, after)
	var of []int64
	for _, c := range m.log(after) {
		if k, _ := atkey.Parse(c.Key); m.lets(f, k) {
			of = append(of, c.ID)
		}
	}
	if err != nil || !slices.Equal(ids, of) {
		t.Fatalf("CommitsOf(%+v, %d) = %v, %v; want %v", f, after, ids, err, of)
	}
	prefix := rapid.SampledFrom([]string{"", "a"}).Draw(t, "prefix")
	rows := map[string]string{}
	for r, err := range tx.Rows(Settings, prefix) {
		must(t, err)
		rows[r.ID] = string(r.Value)
	}
	want := maps.Clone(m.rows)
	maps.DeleteFunc(want, func(id, _ string) bool { return !strings.HasPrefix(id, prefix) })
	if !maps.Equal(rows, want) {
		t.Fatalf("Rows(%q) = %v, want %v", prefix, rows, want)
	}
	n := 0
	for e, err := range tx.AuditLog(-1) {
		must(t, err)
		if n >= len(m.audit) || e.Seq != int64(n) || !reflect.DeepEqual(e.Event, m.audit[n]) {
			t.Fatalf("audit entry %d is %+v", n, e)
		}
		n++
	}
	if n != len(m.audit) {
		t.Fatalf("%d audit entries, want %d", n, len(m.audit))
	}
}

// TestModel drives a database on disk and the maps with the same operations.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "model")
		must(t, err)
		defer os.RemoveAll(dir)
		now := time.UnixMilli(1_700_000_000_000).UTC()
		opts := Options{Dir: dir, Sign: me, Now: func() time.Time { return now }}
		if rapid.IntRange(0, 3).Draw(t, "in memory") > 0 {
			opts.Dir = ""
		}
		db, err := Open(opts)
		must(t, err)
		defer func() { db.Close() }()
		m := newModel()
		keys := rapid.SliceOfNDistinct(genKey(), 3, 8, rapid.ID).Draw(t, "keys")
		update := func(t *rapid.T, end func() error) {
			tried := m.clone()
			err := db.Update(func(tx *Tx) error {
				for range rapid.IntRange(0, 4).Draw(t, "changes") {
					change(t, tx, tried, keys)
				}
				compare(t, tx, tried, keys)
				return end()
			})
			if err == nil {
				m = tried
			} else if err != errWanted {
				t.Fatalf("Update: %v", err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"update":          func(t *rapid.T) { update(t, func() error { return nil }) },
			"another update":  func(t *rapid.T) { update(t, func() error { return nil }) },
			"update, failing": func(t *rapid.T) { update(t, func() error { return errWanted }) },
			"update, panicking": func(t *rapid.T) {
				func() {
					defer func() {
						if r := recover(); r != nil && r != errWanted {
							panic(r)
						}
					}()
					update(t, func() error { panic(errWanted) })
				}()
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			},
			"sweep": func(t *rapid.T) {
				n, err := db.Sweep(now)
				if want := m.sweep(now); err != nil || n != want {
					t.Fatalf("Sweep = %d, %v; want %d", n, err, want)
				}
			},
			"reopen": func(t *rapid.T) {
				if opts.Dir == "" {
					return
				}
				must(t, db.Close())
				var err error
				db, err = Open(opts)
				must(t, err)
			},
			"merge": func(t *rapid.T) { must(t, db.compactor.wait()) },
			"": func(t *rapid.T) {
				must(t, db.View(func(tx *Tx) error { compare(t, tx, m, keys); return nil }))
				if n, err := db.VerifyAudit(); err != nil || n != int64(len(m.audit)) {
					t.Fatalf("VerifyAudit = %d, %v; want %d", n, err, len(m.audit))
				}
			},
		})
		must(t, db.View(func(tx *Tx) error { return noOrphans(tx, len(m.records)) }))
	})
}

// noOrphans checks that rows hang on records and entries, and on nothing else.
func noOrphans(tx *Tx, records int) error {
	if err := heldIsRight(tx); err != nil {
		return err
	}
	found, due := 0, 0
	chunks := map[string]bool{}
	err := tx.scan(nil, nil, values, func(p pair) bool {
		switch p.key[0] {
		case rowData:
			found++
			h, err := decodeHead(p.value)
			if err != nil {
				found = -1 << 20
			}
			if !h.expires.IsZero() {
				due++
			}
			for n := range chunkCount(int(h.size)) {
				chunks[string(chunkKey(chunkPrefix(p.key[1:], h.chunks), n))] = true
			}
		case rowNote:
			n, err := decodeNotification(time.Time{}, p.value)
			if err != nil {
				found = -1 << 20
			}
			if n.left != nil {
				for i := range chunkCount(int(n.left.size)) {
					chunks[string(chunkKey(chunkPrefix(p.key, n.left.chunks), i))] = true
				}
			}
		case rowDue:
			due--
		}
		return true
	})
	if err != nil || found != records || due != 0 {
		return errors.Join(err, errors.New("records and due rows do not fit"))
	}
	return errors.Join(
		tx.each([]byte{rowStaged}, func([]byte) error { return errors.New("staged row left behind") }),
		tx.each([]byte{rowChunk}, func(key []byte) error {
			if !chunks[string(key)] {
				return errors.New("chunk left behind")
			}
			delete(chunks, string(key))
			return nil
		}),
		func() error {
			if len(chunks) > 0 {
				return errors.New("chunk missing")
			}
			return nil
		}())
}
