package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/store/atkey"
)

func parse(t testing.TB, text string) atkey.Key {
	t.Helper()
	k, err := atkey.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return k
}

// stock puts one record for each key.
func stock(t testing.TB, db *DB, keys ...string) {
	t.Helper()
	must(t, db.Update(func(tx *Tx) error {
		for _, text := range keys {
			if _, err := tx.Put(Record{Key: parse(t, text), Value: []byte(text)}, OpUpdateAll, "e1"); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestKeys(t *testing.T) {
	db := memory(t)
	stock(t, db,
		"x@alice", "x.wavi@alice", "a.x.wavi@alice", "x.xwavi@alice", "wavi@alice", "_x.wavi@alice",
		"@bob:x.wavi@alice", "@bob:x.buzz@alice", "@carol:x.wavi@alice", "@alice:x@alice",
		"public:x.wavi@alice", "public:x@alice", "private:x.wavi@alice", "local:x.wavi@alice",
		"cached:public:x.wavi@bob", "cached:@alice:x.wavi@bob", "cached:@alice:x@carol", "cached:@carol:x.wavi@bob",
		"privatekey:at_secret", "configkey", "_x.wavi")
	yes, no := true, false
	for name, c := range map[string]struct {
		f    Filter
		want string
	}{
		"a namespace, not cached": {Filter{Namespaces: []string{"wavi"}, Cached: &no},
			"@bob:x.wavi@alice @carol:x.wavi@alice _x.wavi@alice a.x.wavi@alice local:x.wavi@alice private:x.wavi@alice public:x.wavi@alice x.wavi@alice"},
		"a namespace, cached":          {Filter{Namespaces: []string{"wavi"}, Cached: &yes}, "cached:@alice:x.wavi@bob cached:@carol:x.wavi@bob cached:public:x.wavi@bob"},
		"a namespace in another":       {Filter{Namespaces: []string{"x.wavi"}}, "a.x.wavi@alice"},
		"namespaces, one in the other": {Filter{Namespaces: []string{"x.wavi", "buzz", "wavi"}, Scopes: []atkey.Scope{atkey.Self, atkey.Shared}, Cached: &no}, "@bob:x.buzz@alice @bob:x.wavi@alice @carol:x.wavi@alice _x.wavi@alice a.x.wavi@alice x.wavi@alice"},
		"no namespace":                 {Filter{Namespaces: []string{}}, ""},
		"an empty namespace":           {Filter{Namespaces: []string{""}}, ""},
		"no scope":                     {Filter{Scopes: []atkey.Scope{}}, ""},
		"public":                       {Filter{Scopes: []atkey.Scope{atkey.Public}}, "cached:public:x.wavi@bob public:x.wavi@alice public:x@alice"},
		"the server's":                 {Filter{Scopes: []atkey.Scope{atkey.Server}}, "_x.wavi configkey privatekey:at_secret"},
		"one recipient's":              {Filter{SharedWith: "@bob"}, "@bob:x.buzz@alice @bob:x.wavi@alice"},
		"one recipient's, some cached": {Filter{SharedWith: "@carol"}, "@carol:x.wavi@alice cached:@carol:x.wavi@bob"},
		"our own":                      {Filter{SharedWith: me}, "@alice:x@alice cached:@alice:x.wavi@bob cached:@alice:x@carol"},
		"one recipient's namespace":    {Filter{SharedWith: "@bob", Namespaces: []string{"buzz"}}, "@bob:x.buzz@alice"},
		"nobody's":                     {Filter{SharedWith: "@dave"}, ""},
		"a recipient's public":         {Filter{SharedWith: "@bob", Scopes: []atkey.Scope{atkey.Public}}, ""},
	} {
		for _, run := range []func(func(*Tx) error) error{db.View, db.Update} {
			must(t, run(func(tx *Tx) error {
				var got []string
				for e, err := range tx.Keys(c.f) {
					must(t, err)
					got = append(got, e.Key.String())
				}
				slices.Sort(got)
				if s := strings.Join(got, " "); s != c.want {
					t.Errorf("%s:\n%s\nwant\n%s", name, s, c.want)
				}
				for range tx.Keys(c.f) {
					break
				}
				return nil
			}))
		}
	}
}

// What each kind of write leaves in the commit log.
func TestWhatIsCommitted(t *testing.T) {
	db := memory(t)
	for _, text := range []string{"private:x@alice", "privatekey:at_secret", "local:x@alice", "public:_x@alice"} {
		must(t, db.Update(func(tx *Tx) error {
			id, err := tx.Put(Record{Key: parse(t, text)}, OpUpdateAll, "")
			if id != -1 || err != nil {
				t.Errorf("%s: %d, %v", text, id, err)
			}
			id, existed, err := tx.Delete(parse(t, text), OpDelete, "")
			if id != -1 || !existed || err != nil {
				t.Errorf("%s: %d, %v, %v", text, id, existed, err)
			}
			return nil
		}))
	}
	x := self("x")
	steps := []struct {
		do   func(*Tx) (int64, error)
		want string
	}{
		{func(tx *Tx) (int64, error) { return tx.Put(Record{Key: x}, OpUpdateAll, "e1") }, "0*"},
		{func(tx *Tx) (int64, error) { return tx.Put(Record{Key: x}, OpUpdateMeta, "e1") }, "1#"},
		{func(tx *Tx) (int64, error) { id, _, err := tx.Delete(x, OpDelete, "e1"); return id, err }, "2-"},
		{func(tx *Tx) (int64, error) { id, _, err := tx.Delete(x, OpDelete, "e1"); return id, err }, "3-"},
		{func(tx *Tx) (int64, error) { return tx.Put(Record{Key: x}, OpUpdate, "e1") }, "4+"},
		{func(tx *Tx) (int64, error) { return tx.Put(Record{Key: x}, Silent, "e1") }, ""},
		{func(tx *Tx) (int64, error) { id, _, err := tx.Delete(x, OpDelete, "e1"); return id, err }, "5-"},
		{func(tx *Tx) (int64, error) { id, _, err := tx.Delete(x, Silent, "e1"); return id, err }, ""},
		{func(tx *Tx) (int64, error) { return tx.Put(Record{Key: x}, OpUpdateAll, "e1") }, "6*"},
	}
	for i, s := range steps {
		must(t, db.Update(func(tx *Tx) error {
			id, err := s.do(tx)
			log := ""
			for c, err := range tx.Commits(-1) {
				must(t, err)
				log += fmt.Sprintf("%d%c", c.ID, c.Op)
				if c.Key != "x@alice" || c.By != "e1" || c.At != tx.Now() || c.ID != id {
					t.Errorf("step %d: %+v, id %d", i, c, id)
				}
			}
			if log != s.want || (s.want == "") != (id == -1) {
				t.Errorf("step %d: id %d, log %q, want %q", i, id, log, s.want)
			}
			return err
		}))
	}
}

// Readers see whole updates while others write: a record and its twin never differ.
func TestViewsAreConsistent(t *testing.T) {
	db := memory(t)
	stock(t, db, "a@alice", "b@alice")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := db.View(func(tx *Tx) error {
					a, err := tx.Get(self("a"))
					b, err2 := tx.Get(self("b"))
					if err = errors.Join(err, err2); err == nil && a.Meta.Version != b.Meta.Version {
						err = fmt.Errorf("versions %d and %d", a.Meta.Version, b.Meta.Version)
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 300 {
		must(t, db.Update(func(tx *Tx) error {
			for _, name := range []string{"a", "b"} {
				if _, err := tx.Put(Record{Key: self(name), Meta: Meta{Version: int64(i)}}, OpUpdateAll, ""); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	close(stop)
	wg.Wait()
}

func TestKeysThatCannotBe(t *testing.T) {
	db := memory(t)
	bad := atkey.Key{Name: "a\x00b", Owner: me}
	must(t, db.Update(func(tx *Tx) error {
		_, getErr := tx.Get(bad)
		_, putErr := tx.Put(Record{Key: bad}, OpUpdate, "")
		_, _, deleteErr := tx.Delete(bad, OpDelete, "")
		for _, err := range []error{getErr, putErr, deleteErr} {
			if err != errKey {
				t.Error(err)
			}
		}
		return nil
	}))
}

// A secret is made only where it can be kept.
func TestNoPlaceForTheSecret(t *testing.T) {
	dir := t.TempDir()
	refused(t, Options{Dir: dir, Sign: me, RootSecret: filepath.Join(dir, "none", "root.secret")}, "root secret", "no such file")
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	refused(t, Options{Dir: filepath.Join(dir, "file"), Sign: me}, "file")
	if _, err := os.Stat(filepath.Join(dir, "db")); !os.IsNotExist(err) {
		t.Errorf("a database was begun: %v", err)
	}
}

// TestChanged: each record that was put or deleted is told of once that is on disk, with the id that its entry has, and
// of an update that failed, or of what expired, nothing.
func TestChanged(t *testing.T) {
	var db *DB
	var told []Change
	now := time.Now()
	db, err := Open(Options{Sign: me, Now: func() time.Time { return now }, Changed: func(c Change) {
		must(t, db.View(func(tx *Tx) error {
			if id, err := tx.CommitOf(c.Key); err != nil || id != c.ID {
				t.Errorf("%s has the entry %d, %v; told of %d", c.Key, id, err, c.ID)
			}
			return nil
		}))
		told = append(told, c)
	}})
	must(t, err)
	defer db.Close()
	x, hidden := parse(t, "x.wavi@alice"), parse(t, "public:_x@alice")
	must(t, db.Update(func(tx *Tx) error {
		_, err := tx.Put(Record{Key: x, Meta: Meta{ExpiresAt: now.Add(time.Minute)}}, OpUpdateAll, "e1")
		return err
	}))
	failed := errors.New("no")
	if err := db.Update(func(tx *Tx) error {
		if _, err := tx.Put(Record{Key: x}, OpUpdateAll, "e1"); err != nil {
			return err
		}
		return failed
	}); err != failed {
		t.Error(err)
	}
	now = now.Add(time.Hour)
	if n, err := db.Sweep(now); n != 1 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
	must(t, db.Update(func(tx *Tx) error { _, _, err := tx.Delete(x, OpDelete, "e2"); return err }))
	must(t, db.Update(func(tx *Tx) error { _, err := tx.Put(Record{Key: hidden}, OpUpdateAll, "e2"); return err }))
	want := []Change{{Key: x, By: "e1"}, {Key: x, ID: 1, Deleted: true, By: "e2"}, {Key: hidden, ID: -1, By: "e2"}}
	if !slices.Equal(told, want) {
		t.Errorf("told of %+v, want %+v", told, want)
	}
}
