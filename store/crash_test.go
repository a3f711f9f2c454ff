package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestCrash kills a process that writes, again and again, and looks at what is
// left each time. ATSERVER_CRASH=20x10000 makes 20 rounds, each killed once so many
// updates were acknowledged at the latest.
func TestCrash(t *testing.T) {
	if dir := os.Getenv("ATSERVER_CRASH_DIR"); dir != "" {
		writeUntilKilled(dir)
		return
	}
	rounds, updates := 4, 1500
	if s := os.Getenv("ATSERVER_CRASH"); s != "" {
		if _, err := fmt.Sscanf(s, "%dx%d", &rounds, &updates); err != nil {
			t.Fatalf("ATSERVER_CRASH=%q: %v", s, err)
		}
	}
	dir := t.TempDir()
	acknowledged := map[string]ack{}
	var chain crashChain
	for round := range rounds {
		killAfter := 1 + rand.IntN(updates)
		for _, a := range crash(t, dir, killAfter) {
			if old, ok := acknowledged[a.key]; !ok || old.id < a.id {
				acknowledged[a.key] = a
			}
		}
		checkAfterCrash(t, dir, acknowledged)
		chain.check(t, dir)
		if t.Failed() {
			t.Fatalf("in round %d, killed after %d updates", round, killAfter)
		}
	}
	t.Logf("%d keys acknowledged", len(acknowledged))
}

// ack is an update that returned: the key has an entry with this id, or one that
// is newer.
type ack struct {
	key   string
	id    int64
	audit int64
}

// crash runs a writing process, kills it once it has acknowledged n updates, and
// returns all that it acknowledged.
func crash(t *testing.T, dir string, n int) (acks []ack) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "ATSERVER_CRASH_DIR="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var a ack
		if _, err := fmt.Sscanf(lines.Text(), "ack %s %d %d.", &a.key, &a.id, &a.audit); err != nil {
			continue // torn by the kill
		}
		if acks = append(acks, a); len(acks) == n {
			must(t, cmd.Process.Kill())
		}
	}
	cmd.Wait()
	if len(acks) < n {
		t.Fatalf("the writer ended after %d updates: %s", len(acks), stderr.String())
	}
	return acks
}

// writeUntilKilled updates from 50 goroutines and prints each update that was
// acknowledged. A fifth of the updates are of keys that all write.
func writeUntilKilled(dir string) {
	db, err := Open(Options{Dir: dir, Sign: me})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	run := time.Now().UnixNano()
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("k%d.w%d.r%d", i, w, run)
				if i%5 == 0 {
					name = fmt.Sprintf("shared%d", i%10)
				}
				a, err := crashUpdate(db, name, i)
				if err != nil && err != errWanted {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				if err == nil {
					os.Stdout.WriteString(fmt.Sprintf("ack %s %d %d.\n", a.key, a.id, a.audit))
				}
			}
		})
	}
	wg.Wait()
}

// crashUpdate writes a record, a row and an audit entry that all hold the commit
// id. Some of the records are large, some are deleted, some updates fail.
func crashUpdate(db *DB, name string, i int) (a ack, err error) {
	err = db.Update(func(tx *Tx) error {
		id := tx.seq.commit
		a = ack{key: name, id: id, audit: tx.seq.audit}
		value := []byte(strconv.FormatInt(id, 10))
		if i%97 == 13 {
			value = append(value, make([]byte, 3*chunkSize)...)
		}
		var err error
		if i%11 == 10 {
			_, _, err = tx.Delete(self(name), OpDelete, name)
		} else {
			r := Record{Key: self(name), Value: value, Meta: Meta{ExpiresAt: tx.Now().Add(time.Hour)}}
			_, err = tx.Put(r, OpUpdateAll, name)
		}
		err = errors.Join(err,
			tx.Enqueue(&Notification{ID: name, From: me, To: "@bob", Key: strconv.FormatInt(id, 10), Type: Sent, Op: NotifyUpdate, Expires: tx.Now().Add(time.Hour)}),
			tx.PutRow(Settings, name, []byte(strconv.FormatInt(id, 10))),
			tx.Audit(Event{Actor: name, Action: "put", Target: strconv.FormatInt(id, 10)}))
		if err == nil && i%7 == 6 {
			return errWanted
		}
		return err
	})
	return a, err
}

// checkAfterCrash opens the database and compares it with itself and with what
// was acknowledged.
func checkAfterCrash(t *testing.T, dir string, acknowledged map[string]ack) {
	t.Helper()
	db := onDisk(t, dir)
	defer db.Close()
	entries, err := db.VerifyAudit()
	if err != nil {
		t.Error(err)
	}
	must(t, db.View(func(tx *Tx) error {
		log := map[string]Commit{}
		for c, err := range tx.Commits(-1) {
			must(t, err)
			if _, twice := log[c.Key]; twice {
				t.Errorf("two entries of %s", c.Key)
			}
			log[c.Key] = c
		}
		records := 0
		for name, err := range tx.Rows(Settings, "") {
			must(t, err)
			k := self(name.ID)
			c, ok := log[k.String()]
			if id := strconv.FormatInt(c.ID, 10); !ok || id != string(name.Value) || c.By != name.ID {
				t.Errorf("row of %s says %s, the log %+v", name.ID, name.Value, c)
				continue
			}
			delete(log, k.String())
			if n, err := tx.Notification(name.ID); err != nil || n.Key != string(name.Value) {
				t.Errorf("the notification of %s tells of entry %s, not %s: %v", name.ID, n.Key, name.Value, err)
			}
			r, err := tx.Get(k)
			switch {
			case c.Op == OpDelete && err != ErrNotFound:
				t.Errorf("deleted %s: %v", name.ID, err)
			case c.Op != OpDelete:
				records++
				if err != nil || !bytes.HasPrefix(append(r.Value, 0), append([]byte(strconv.FormatInt(c.ID, 10)), 0)) {
					t.Errorf("record of %s, entry %d: %q, %v", name.ID, c.ID, r.Value[:min(len(r.Value), 20)], err)
				}
			}
			if a, ok := acknowledged[name.ID]; ok && c.ID < a.id {
				t.Errorf("%s was acknowledged with id %d, the log has %d", name.ID, a.id, c.ID)
			}
		}
		if len(log) > 0 {
			t.Errorf("entries without a row: %v", log)
		}
		counters, err := tx.counters()
		must(t, err)
		for name, a := range acknowledged {
			if _, err := tx.Row(Settings, name); err != nil || a.audit >= entries || a.id >= counters.commit {
				t.Errorf("acknowledged and lost: %+v, %v", a, err)
			}
		}
		return noOrphans(tx, records)
	}))
}

// crashChain is a copy of everything and an increment for each crash.
type crashChain struct {
	since   *Mark
	changes []RawRow
}

// check adds an increment, and wants the chain to give all that the crash has left.
func (c *crashChain) check(t *testing.T, dir string) {
	t.Helper()
	db := onDisk(t, dir)
	defer db.Close()
	next := mark(t, db)
	c.changes = append(c.changes, copied(t, db, c.since)...)
	c.since = &next
	wantLoaded(t, db, c.changes)
}
