package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"pgregory.net/rapid"
)

// audited is a database with n audit entries.
func audited(t *testing.T, n int) *DB {
	db := memory(t)
	for i := range n {
		must(t, db.Update(func(tx *Tx) error {
			return tx.Audit(Event{Actor: "e1", Action: "approve", Target: fmt.Sprint("e", i), Outcome: "ok"})
		}))
	}
	return db
}

func TestAuditTamper(t *testing.T) {
	type rows map[int64][]byte
	for _, c := range []struct {
		name   string
		tamper func(*badger.Txn, rows) error
		want   string
	}{
		{"nothing", func(*badger.Txn, rows) error { return nil }, ""},
		{"an edited field", func(txn *badger.Txn, r rows) error {
			return txn.Set(numbered(rowAudit, 4), []byte(strings.Replace(string(r[4]), `"ok"`, `"no"`, 1)))
		}, "audit entry 4: changed"},
		{"an edited field and its hash", func(txn *badger.Txn, r rows) error {
			var e AuditEntry
			must(t, json.Unmarshal(r[4], &e))
			e.Target = "e99"
			b, err := e.seal()
			must(t, err)
			return txn.Set(numbered(rowAudit, 4), b)
		}, "audit entry 5: does not follow"},
		{"the last one and its hash", func(txn *badger.Txn, r rows) error {
			var e AuditEntry
			must(t, json.Unmarshal(r[9], &e))
			e.Target = "e99"
			b, err := e.seal()
			must(t, err)
			return txn.Set(numbered(rowAudit, 9), b)
		}, "audit entry 9: not the one"},
		{"white space", func(txn *badger.Txn, r rows) error {
			return txn.Set(numbered(rowAudit, 4), append([]byte(" "), r[4]...))
		}, "audit entry 4: changed"},
		{"a field nobody knows", func(txn *badger.Txn, r rows) error {
			return txn.Set(numbered(rowAudit, 4), []byte(strings.Replace(string(r[4]), `{`, `{"x":1,`, 1)))
		}, "audit entry 4: changed"},
		{"no JSON", func(txn *badger.Txn, r rows) error {
			return txn.Set(numbered(rowAudit, 4), []byte("x"))
		}, "audit entry 4: "},
		{"one removed", func(txn *badger.Txn, r rows) error { return txn.Delete(numbered(rowAudit, 4)) }, "audit entry 4: missing"},
		{"the first removed", func(txn *badger.Txn, r rows) error { return txn.Delete(numbered(rowAudit, 0)) }, "audit entry 0: missing"},
		{"the last removed", func(txn *badger.Txn, r rows) error { return txn.Delete(numbered(rowAudit, 9)) }, "audit entry 9: missing"},
		{"all removed", func(txn *badger.Txn, r rows) error {
			for seq := range r {
				if err := txn.Delete(numbered(rowAudit, seq)); err != nil {
					return err
				}
			}
			return nil
		}, "audit entry 0: missing"},
		{"two swapped", func(txn *badger.Txn, r rows) error {
			must(t, txn.Set(numbered(rowAudit, 4), r[5]))
			return txn.Set(numbered(rowAudit, 5), r[4])
		}, "audit entry 4: is entry 5"},
		{"one repeated", func(txn *badger.Txn, r rows) error { return txn.Set(numbered(rowAudit, 5), r[4]) }, "audit entry 5: is entry 4"},
		{"one appended", func(txn *badger.Txn, r rows) error {
			var e AuditEntry
			must(t, json.Unmarshal(r[9], &e))
			e.Seq, e.Prev = 10, e.Hash
			b, err := e.seal()
			must(t, err)
			return txn.Set(numbered(rowAudit, 10), b)
		}, "audit entry 10: was not written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := audited(t, 10)
			all := rows{}
			must(t, db.View(func(tx *Tx) error {
				return tx.scan([]byte{rowAudit}, nil, values, func(p pair) bool {
					all[number(p.key)] = append([]byte{}, p.value...)
					return true
				})
			}))
			must(t, db.kv.Update(func(txn *badger.Txn) error { return c.tamper(txn, all) }))
			db.outdate() // behind its back
			n, err := db.VerifyAudit()
			switch {
			case c.want == "" && (err != nil || n != 10):
				t.Errorf("%d, %v", n, err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// Whatever an event says, even what is no text, the entry verifies and is read
// as it is chained.
func TestAuditOfAnything(t *testing.T) {
	db := memory(t)
	want := int64(0)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string {
			return string(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("<&>\"\\\xff\xe2\x80\xa8")))).Draw(t, "text"))
		})
		e := Event{
			Actor: text.Draw(t, "actor"), Action: text.Draw(t, "action"), Target: text.Draw(t, "target"),
			Outcome: text.Draw(t, "outcome"), From: text.Draw(t, "from"), Detail: rapid.MapOf(text, text).Draw(t, "detail"),
		}
		must(t, db.Update(func(tx *Tx) error { return tx.Audit(e) }))
		want++
		if n, err := db.VerifyAudit(); n != want || err != nil {
			t.Fatalf("%d, %v; want %d", n, err, want)
		}
		must(t, db.View(func(tx *Tx) error {
			for got, err := range tx.AuditLog(want - 2) {
				must(t, err)
				if clean := e.clean(); got.Actor != clean.Actor || got.From != clean.From || len(got.Detail) != len(clean.Detail) {
					t.Fatalf("got %+v, want %+v", got.Event, clean)
				}
			}
			return nil
		}))
	})
}

// The form of an entry is part of what others verify: it must not drift.
func TestAuditForm(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	db, err := Open(Options{Sign: me, Now: func() time.Time { return now }})
	must(t, err)
	defer db.Close()
	event := Event{Actor: "cram", Action: "enroll", Target: "e1", Outcome: "ok", From: "127.0.0.1", Detail: map[string]string{"b": "2", "a": "1"}}
	must(t, db.Update(func(tx *Tx) error {
		if err := tx.Audit(event); err != nil {
			return err
		}
		return tx.Audit(Event{Actor: "e1", Action: "login", Outcome: "refused"})
	}))
	var got []string
	must(t, db.View(func(tx *Tx) error {
		for e, err := range tx.AuditLog(-1) {
			must(t, err)
			b, err := json.Marshal(e)
			must(t, err)
			got = append(got, string(b))
		}
		return nil
	}))
	want := []string{
		`{"seq":0,"time":"2026-01-02T03:04:05.678Z","actor":"cram","action":"enroll","target":"e1","outcome":"ok","from":"127.0.0.1","detail":{"a":"1","b":"2"},"hash":"38587a45062ffc12175e66781b0e438d205f12759b877afa0c8610d462bf38fc"}`,
		`{"seq":1,"time":"2026-01-02T03:04:05.678Z","actor":"e1","action":"login","outcome":"refused","prev":"38587a45062ffc12175e66781b0e438d205f12759b877afa0c8610d462bf38fc","hash":"3bcaa9e42cf1ef2736b3dc5d2226b91633b3496daf7f6ed892e78efdaa906b46"}`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("entries:\n%s", strings.Join(got, "\n"))
	}
}
