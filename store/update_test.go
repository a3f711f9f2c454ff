package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"atserver/store/atkey"
)

func memory(t testing.TB) *DB {
	t.Helper()
	db, err := Open(Options{Sign: me})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func self(name string) atkey.Key { return atkey.Key{Name: name, Owner: me} }

func put(name, value string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Put(Record{Key: self(name), Value: []byte(value)}, OpUpdateAll, "e1")
		return err
	}
}

// batchOf runs updates in one batch, as when all wait while the writer commits,
// and returns what Update would. The writer of db has no other work then.
func batchOf(db *DB, fns ...func(*Tx) error) []error {
	close(db.writer.quit)
	<-db.writer.done
	w := db.writer
	w.queue = make(chan *request, len(fns))
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		r := newRequest(fn)
		w.queue <- r
		wg.Go(func() {
			errs[i] = errGone
			defer func() {
				if p := recover(); p != nil && p != "wanted" {
					panic(p)
				}
			}()
			errs[i] = r.wait()
		})
	}
	for len(w.queue) > 0 {
		w.serve(<-w.queue)
	}
	wg.Wait()
	w.queue, w.quit, w.done = make(chan *request), make(chan struct{}), make(chan struct{})
	go w.run()
	return errs
}

// dump is everything in the database.
func dump(t *testing.T, db *DB) string {
	var b strings.Builder
	err := db.View(func(tx *Tx) error {
		return tx.scan(nil, nil, values, func(p pair) bool {
			fmt.Fprintf(&b, "%q %d %q\n", p.key, p.flags, p.value)
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever fails in a batch leaves what it would have had it never run.
func TestBatchUndoesOnlyWhatFailed(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	audit := Event{Actor: "e1", Action: "put", Outcome: "ok"}
	both := func(fns ...func(*Tx) error) func(*Tx) error {
		return func(tx *Tx) error {
			for _, f := range fns {
				if err := f(tx); err != nil {
					return err
				}
			}
			return nil
		}
	}
	before := both(put("a", "old"), put("b", "old"), func(tx *Tx) error {
		r := Record{Key: self("c"), Value: make([]byte, 2*chunkSize), Meta: Meta{ExpiresAt: now.Add(time.Hour)}}
		_, err := tx.Put(r, OpUpdateAll, "e1")
		return err
	})
	good1 := both(put("a", "new"), put("d", "new"), func(tx *Tx) error { return tx.Audit(audit) })
	good2 := both(put("a", "newer"), func(tx *Tx) error { return tx.Audit(audit) }, put("e", "x"))
	bad := both(put("a", "bad"), put("b", "bad"), put("d", "bad"), put("f", "bad"), func(tx *Tx) error {
		for _, k := range []string{"a", "c", "g"} {
			if _, _, err := tx.Delete(self(k), OpDelete, "e1"); err != nil {
				return err
			}
		}
		r := Record{Key: self("h"), Value: make([]byte, 2*chunkSize), Meta: Meta{ExpiresAt: now}}
		if _, err := tx.Put(r, OpUpdateAll, "e1"); err != nil {
			return err
		}
		tx.AfterCommit(func() { t.Error("hook of an update that failed") })
		return errors.Join(tx.Audit(audit), tx.PutRow(Codes, "x", nil))
	})
	ends := map[string]func(*Tx) error{
		"fails":  func(*Tx) error { return errWanted },
		"panics": func(*Tx) error { panic("wanted") },
		"ends its goroutine": func(*Tx) error {
			runtime.Goexit()
			return nil
		},
		"swallows an error": func(tx *Tx) error {
			tx.PutRow(Codes, "big", make([]byte, maxValue+1))
			return nil
		},
	}
	open := func() *DB {
		db, err := Open(Options{Sign: me, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(before); err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	batchOf(db, good1, good2)
	want := dump(t, db)
	db.Close()
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			db := open()
			defer db.Close()
			errs := batchOf(db, both(bad, end), good1, both(bad, end), both(bad, end), good2, both(bad, end))
			for i, err := range errs {
				if failed := i != 1 && i != 4; failed != (err != nil) {
					t.Errorf("update %d: %v", i, err)
				}
			}
			if got := dump(t, db); got != want {
				t.Errorf("state after the batch:\n%s\nwant:\n%s", got, want)
			}
			if n, err := db.VerifyAudit(); n != 2 || err != nil {
				t.Errorf("audit: %d, %v", n, err)
			}
		})
	}
}

// An update sees what those before it in its batch did.
func TestBatchBuildsOnItself(t *testing.T) {
	db := memory(t)
	add := func(tx *Tx) error {
		r, err := tx.Get(self("sum"))
		if err != nil && err != ErrNotFound {
			return err
		}
		if n := len(r.Value); n%3 == 2 { // every third fails the first time
			if err := put("sum", "")(tx); err != nil {
				return err
			}
			return errWanted
		}
		return put("sum", string(r.Value)+"x")(tx)
	}
	errs := batchOf(db, add, add, add, add, put("sum", "xxx"), add, add, add)
	failed := []bool{}
	for _, err := range errs {
		failed = append(failed, err != nil)
	}
	if want := []bool{false, false, true, true, false, false, false, true}; !slices.Equal(failed, want) {
		t.Errorf("failed: %v, want %v", failed, want)
	}
	db.View(func(tx *Tx) error {
		if r, err := tx.Get(self("sum")); string(r.Value) != "xxxxx" || lastCommit(tx) != 4 {
			t.Errorf("sum is %q (%v), last commit %d", r.Value, err, lastCommit(tx))
		}
		return nil
	})
}

// fill writes n rows of 1,000 bytes; about 600 fit in a transaction.
func fill(name string, n int) func(*Tx) error {
	return func(tx *Tx) error {
		for i := range n {
			if err := tx.PutRow(Settings, fmt.Sprint(name, i), make([]byte, 1000)); err != nil {
				return err
			}
		}
		return nil
	}
}

func rows(t *testing.T, db *DB, prefix string) (n int) {
	t.Helper()
	must(t, db.View(func(tx *Tx) error {
		for _, err := range tx.Rows(Settings, prefix) {
			must(t, err)
			n++
		}
		return nil
	}))
	return n
}

func TestBatchThatOverflowsIsRunOneByOne(t *testing.T) {
	db := memory(t)
	runs := 0
	counted := func(tx *Tx) error {
		runs++
		return fill("small", 10)(tx)
	}
	errs := batchOf(db, counted, fill("half", 350), counted, fill("other half", 350), fill("huge", 5000), counted,
		func(*Tx) error { panic("wanted") }, fill("last", 1))
	for i, err := range errs {
		want := map[int]error{4: ErrTooLarge, 6: errGone}[i]
		if !errors.Is(err, want) {
			t.Errorf("update %d: %v, want %v", i, err, want)
		}
	}
	for prefix, want := range map[string]int{"small": 10, "half": 350, "other half": 350, "huge": 0, "last": 1} {
		if n := rows(t, db, prefix); n != want {
			t.Errorf("%d rows of %s, want %d", n, prefix, want)
		}
	}
	if runs < 3 {
		t.Errorf("%d runs", runs)
	}
}

// Undoing takes room as well; when there is none left the batch is run again.
func TestBatchThatOverflowsInUndo(t *testing.T) {
	db := memory(t)
	if err := db.Update(fill("a", 450)); err != nil {
		t.Fatal(err)
	}
	failing := func(tx *Tx) error {
		if err := fill("a", 450)(tx); err != nil {
			return err
		}
		return errWanted
	}
	errs := batchOf(db, put("x", "1"), failing, put("y", "2"))
	if errs[0] != nil || errs[1] != errWanted || errs[2] != nil {
		t.Errorf("errors %v", errs)
	}
	db.View(func(tx *Tx) error {
		if lastCommit(tx) != 1 {
			t.Errorf("last commit %d", lastCommit(tx))
		}
		return nil
	})
}

func TestTooLarge(t *testing.T) {
	db := memory(t)
	for name, fn := range map[string]func(*Tx) error{
		"rows":    fill("huge", 5000),
		"a row":   func(tx *Tx) error { return tx.PutRow(Codes, "x", make([]byte, maxValue+1)) },
		"an id":   func(tx *Tx) error { return tx.PutRow(Codes, strings.Repeat("x", maxKey), nil) },
		"a value": put("x", strings.Repeat("x", maxLarge+1)),
		"metadata": func(tx *Tx) error {
			_, err := tx.Put(Record{Key: self("x"), Meta: Meta{AppMetadata: make([]byte, maxValue)}}, Silent, "")
			return err
		},
		"swallowed": func(tx *Tx) error { fill("huge", 5000)(tx); return nil },
	} {
		if err := db.Update(fn); err != ErrTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := db.Update(put("x", "1")); err != nil {
		t.Fatal(err)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	db := memory(t)
	func() {
		defer func() {
			if r := recover(); r != "wanted" {
				t.Errorf("recovered %v", r)
			}
		}()
		db.Update(func(tx *Tx) error {
			put("x", "1")(tx)
			panic("wanted")
		})
	}()
	func() {
		defer func() { recover() }()
		db.Update(func(tx *Tx) error {
			tx.AfterCommit(func() { panic("wanted") })
			return put("y", "1")(tx)
		})
	}()
	db.View(func(tx *Tx) error {
		if _, err := tx.Get(self("x")); err != ErrNotFound {
			t.Errorf("after a panic: %v", err)
		}
		if _, err := tx.Get(self("y")); err != nil {
			t.Errorf("after a panic in a hook: %v", err)
		}
		return nil
	})
	if err := db.Update(put("x", "2")); err != nil {
		t.Fatal(err)
	}
}

// Hooks run in the order of the commit ids, one at a time, on committed state.
func TestAfterCommit(t *testing.T) {
	db := memory(t)
	var order []int64 // guarded by hooks running one at a time
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			done := false
			err := db.Update(func(tx *Tx) error {
				id, err := tx.Put(Record{Key: self(fmt.Sprint("k", i))}, OpUpdateAll, "")
				tx.AfterCommit(func() {
					order = append(order, id)
					db.View(func(tx *Tx) error {
						if lastCommit(tx) < id {
							t.Error("hook before the commit")
						}
						return nil
					})
				})
				tx.AfterCommit(func() { done = true })
				return err
			})
			if err != nil || !done {
				t.Errorf("%v, hooks done: %v", err, done)
			}
		})
	}
	wg.Wait()
	if !slices.IsSorted(order) || len(order) != 40 {
		t.Errorf("order %v", order)
	}
}

// What is gathered changes nothing: every increment of every goroutine counts.
func TestConcurrentUpdates(t *testing.T) {
	db := memory(t)
	const writers, each = 50, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := db.Update(func(tx *Tx) error {
					r, err := tx.Get(self("sum"))
					if err != nil && err != ErrNotFound {
						return err
					}
					if err := put("sum", string(r.Value)+"x")(tx); err != nil {
						return err
					}
					if err := tx.Audit(Event{Actor: fmt.Sprint(w), Action: "add"}); err != nil {
						return err
					}
					if i%5 == 4 {
						return errWanted
					}
					return nil
				})
				if (err != nil) != (i%5 == 4) {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	const want = writers * each * 4 / 5
	db.View(func(tx *Tx) error {
		if r, _ := tx.Get(self("sum")); len(r.Value) != want || lastCommit(tx) != want-1 {
			t.Errorf("sum %d, last commit %d, want %d", len(r.Value), lastCommit(tx), want)
		}
		return nil
	})
	if n, err := db.VerifyAudit(); n != want || err != nil {
		t.Errorf("audit: %d, %v", n, err)
	}
}

func TestNowNeverGoesBack(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("x", 3600))
	db, err := Open(Options{Sign: me, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := time.Date(2026, 1, 2, 2, 4, 5, 678_000_000, time.UTC)
	check := func(tx *Tx) error {
		if tx.Now() != want {
			t.Errorf("now is %v, want %v", tx.Now(), want)
		}
		return nil
	}
	db.Update(check)
	now = now.Add(-time.Hour)
	db.Update(check)
	db.View(check)
	now, want = now.Add(2*time.Hour), want.Add(time.Hour)
	db.View(check)
	db.Update(check)
}

func TestTxEnds(t *testing.T) {
	db := memory(t)
	var leaked *Tx
	db.Update(func(tx *Tx) error { leaked = tx; return nil })
	check := func() {
		t.Helper()
		_, err := leaked.Get(self("x"))
		_, putErr := leaked.Put(Record{Key: self("x")}, OpUpdate, "")
		var listErr, logErr error
		for _, listErr = range leaked.Keys(Filter{}) {
		}
		for _, logErr = range leaked.Commits(-1) {
		}
		for _, err := range []error{err, putErr, listErr, logErr, leaked.PutRow(Codes, "x", nil)} {
			if err != errOver {
				t.Errorf("after the end: %v", err)
			}
		}
		if lastCommit(leaked) != -1 {
			t.Error("a commit after the end")
		}
	}
	check()
	db.View(func(tx *Tx) error {
		leaked = tx
		if err := tx.PutRow(Codes, "x", nil); err != ErrReadOnly {
			t.Errorf("write in a View: %v", err)
		}
		return nil
	})
	check()
}

func TestClose(t *testing.T) {
	db := memory(t)
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		db.View(func(tx *Tx) error {
			close(started)
			<-release
			for range tx.Keys(Filter{}) {
			}
			return nil
		})
	})
	<-started
	wg.Go(func() { db.Close() })
	for db.Update(put("x", "1")) == nil { // until Close has begun
	}
	close(release)
	wg.Wait()
	if err := db.View(func(*Tx) error { return nil }); err != ErrClosed {
		t.Errorf("View: %v", err)
	}
	if err := db.Update(func(*Tx) error { return nil }); err != ErrClosed {
		t.Errorf("Update: %v", err)
	}
	if err := db.Close(); err != ErrClosed {
		t.Errorf("Close: %v", err)
	}
}

// Values of all sizes come back, in the same update, after it, and when put over.
func TestLargeValues(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		db, err := Open(Options{Dir: dir, Sign: me})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 10_240_000, 5} {
			value := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
			check := func(tx *Tx) error {
				r, err := tx.Get(self("x"))
				if err == nil && (!bytes.Equal(r.Value, value) || r.Value == nil) {
					err = fmt.Errorf("%d bytes, want %d", len(r.Value), n)
				}
				return err
			}
			for range 2 {
				err := db.Update(func(tx *Tx) error {
					if _, err := tx.Put(Record{Key: self("x"), Value: value}, OpUpdateAll, ""); err != nil {
						return err
					}
					return check(tx)
				})
				if err = errors.Join(err, db.Update(check), db.View(check)); err != nil {
					t.Fatal(err)
				}
				if err := db.View(func(tx *Tx) error { return noOrphans(tx, 1) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		db.Close()
	}
}

func TestCommitsFromAnywhere(t *testing.T) {
	db := memory(t)
	for i := range 40 { // more than a page
		must(t, db.Update(put(fmt.Sprint("k", i), "v")))
	}
	for after, want := range map[int64]int{math.MinInt64: 40, -1: 40, 0: 39, 38: 1, 39: 0, math.MaxInt64 - 1: 0} {
		for _, run := range []func(func(*Tx) error) error{db.View, db.Update} {
			must(t, run(func(tx *Tx) error {
				n := 0
				for c, err := range tx.Commits(after) {
					must(t, err)
					if n++; c.ID <= after {
						t.Errorf("commit %d after %d", c.ID, after)
					}
				}
				if n != want {
					t.Errorf("%d commits after %d, want %d", n, after, want)
				}
				for range tx.Commits(after) {
					break
				}
				return nil
			}))
		}
	}
}

// TestViewsSeeWhatWasAcknowledged: Views share a transaction, and none of them is
// older than an update that had returned before it began.
func TestViewsSeeWhatWasAcknowledged(t *testing.T) {
	db := memory(t)
	var acknowledged atomic.Int64
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := acknowledged.Load()
				must(t, db.View(func(tx *Tx) error {
					raw, err := tx.Row(Settings, "n")
					if n := int64(len(raw)); err != nil && least > 0 || n < least {
						t.Errorf("a View sees %d, %d was acknowledged before: %v", n, least, err)
					}
					return nil
				}))
			}
		})
	}
	for n := range 300 {
		must(t, db.Update(func(tx *Tx) error { return tx.PutRow(Settings, "n", make([]byte, n+1)) }))
		acknowledged.Store(int64(n + 1))
	}
	close(done)
	wg.Wait()
	if db.latest != nil {
		db.outdate()
	}
}

// lastCommit is the highest id in the log, -1 when the log is empty.
func lastCommit(tx *Tx) int64 {
	for c, err := range tx.CommitsBack(-1) {
		if err == nil {
			return c.ID
		}
	}
	return -1
}
