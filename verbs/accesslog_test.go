package verbs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"atserver/store"
)

// accesses lists the access log, what waits to be written included.
func (w *world) accesses() (all []string) {
	w.t.Helper()
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		return w.env.Accesses.each(tx, func(a store.Access) {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", a.Verb, a.From, a.Key)))
		})
	}))
	return all
}

// TestAccesses: who came, and what was looked up by short name (protocol, access
// log). Names that begin with an underscore are nobody's business.
func TestAccesses(t *testing.T) {
	w := newWorld(t, rootApp)
	o, stranger, bob := w.app("root"), w.stranger(), w.peer("@bob")
	for _, k := range []string{"public:x.wavi@alice", "public:_x.wavi@alice", "@bob:x.wavi@alice", "@alice:x.wavi@alice"} {
		o.exec("update:" + k + " v")
	}
	for _, line := range []string{"lookup:X.wavi@alice", "lookup:_x.wavi@alice", "lookup:missing@alice", "from:@carol", "from:@alice"} {
		stranger.exec(line)
	}
	bob.exec("lookup:all:x.wavi@alice")
	o.exec("lookup:x.wavi@alice")
	o.exec("lookup:missing@alice")
	o.exec("lookup:a,b@alice") // no key at all
	o.exec("llookup:public:x.wavi@alice")
	const want = "lookup @alice x.wavi@alice|from @carol|from @alice|lookup @alice x.wavi@alice|lookup @alice x.wavi@alice|lookup @alice missing@alice"
	for range 2 { // before it is written, and after
		if got := strings.Join(w.accesses(), "|"); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		w.must(w.env.Accesses.Flush())
	}
	if sent, _ := o.exec("stats:6"); !strings.Contains(sent, `{\"x.wavi@alice\":3,\"missing@alice\":1}`) {
		t.Error(sent)
	}
}

// TestAccessesAreBounded, in memory and on disk, and what is too much is not an
// error.
func TestAccessesAreBounded(t *testing.T) {
	w := newWorld(t)
	log := w.env.Accesses
	for i := range maxPending + 100 {
		log.note("@bob", "pol", fmt.Sprint(i))
	}
	if got := w.accesses(); len(got) != maxPending || got[maxPending-1] != fmt.Sprint("pol @bob ", maxPending-1) {
		t.Errorf("%d wait", len(got))
	}
	for round := range maxAccesses/maxPending + 2 {
		w.must(log.Flush())
		for i := range maxPending {
			log.note("@bob", "pol", fmt.Sprint(round, i))
		}
	}
	w.must(log.Flush())
	if got := w.accesses(); len(got) != maxAccesses {
		t.Errorf("%d are kept", len(got))
	}
}

// TestAccessCompaction removes the oldest, when it is due and not before.
func TestAccessCompaction(t *testing.T) {
	w := newWorld(t)
	log := w.env.Accesses
	note := func(n int) {
		for i := range n {
			log.note("@bob", "pol", fmt.Sprint(i))
		}
		w.must(log.Flush())
	}
	compact := func(left int) {
		t.Helper()
		w.must(log.Compact(w.now))
		if got := w.accesses(); len(got) != left || left > 0 && got[left-1] != "pol @bob 9" {
			t.Errorf("left %d, want %d: %q", len(got), left, got)
		}
	}
	note(10)
	compact(10) // it is planned for a quarter of an hour from now
	w.move(15*time.Minute - time.Millisecond)
	compact(10)
	w.move(time.Millisecond)
	compact(7)
	compact(7)
	w.move(15 * time.Minute)
	compact(5) // 30 in 100 of 7, floored
	w.move(24 * time.Hour)
	note(10)
	compact(10) // the old ones are too old
	log.CompactEvery(time.Minute)
	compact(10)
	w.move(time.Minute)
	compact(7)
}
