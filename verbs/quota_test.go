package verbs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

const (
	bobIsFull = "error:AT0028-Exception: @alice has no room for more notifications of @bob now\n@"
	allIsFull = "error:AT0028-Exception: @alice has no room for more notifications of others now\n@"
)

// TestNotificationQuota: who has had enough kept is told to come again, others and the owner notice nothing, and when
// something has expired there is room again.
func TestNotificationQuota(t *testing.T) {
	for name, q := range map[string]Quotas{
		"count": {Each: store.Held{Notes: 3, NoteBytes: 1 << 30}, All: store.Held{Notes: 5, NoteBytes: 1 << 30}},
		"bytes": {Each: store.Held{Notes: 1 << 30, NoteBytes: 32_500}, All: store.Held{Notes: 1 << 30, NoteBytes: 54_500}},
	} {
		t.Run(name, func(t *testing.T) {
			w, alice := owner(t)
			w.env.Quotas = q
			value := strings.Repeat("v", 10_000)
			tells := func(from atkey.Sign, id, want string) {
				t.Helper()
				w.peer(from).says(fmt.Sprintf("notify:id:%s:ttln:60000:@alice:x.wavi%s:%s", id, from, value), want)
			}
			for i := range 3 {
				tells("@bob", fmt.Sprint(i), "data:success\n@bob@")
			}
			tells("@bob", "3", bobIsFull)
			tells("@bob", "0", "data:success\n@bob@") // which is there already
			tells("@carol", "0", "data:success\n@carol@")
			tells("@carol", "1", "data:success\n@carol@")
			tells("@carol", "2", allIsFull)
			for range 10 {
				alice.says("notify:id:own:@alice:x.wavi@alice:"+value, "data:own\n@alice@")
			}
			w.move(time.Minute)
			if _, err := w.env.DB.SweepNotifications(w.clock()); err != nil {
				t.Fatal(err)
			}
			tells("@bob", "3", "data:success\n@bob@")
		})
	}
}

// TestEphemeralQuota: what others have the server keep in memory takes no more than its share there.
func TestEphemeralQuota(t *testing.T) {
	w, alice := owner(t)
	w.env.Quotas = Quotas{Each: store.Held{EphemeralNoteBytes: 25_000}, All: store.Held{EphemeralNoteBytes: 35_000}}
	line := "notify:eph:@alice:x.wavi%s:" + strings.Repeat("v", 10_000)
	bob, carol := w.peer("@bob"), w.peer("@carol")
	alice.exec("notify:id:own:eph:@alice:x.wavi@alice:" + strings.Repeat("v", 100_000))
	for range 2 {
		bob.says(fmt.Sprintf(line, "@bob"), "data:success\n@bob@")
		w.move(time.Millisecond)
	}
	bob.says(fmt.Sprintf(line, "@bob"), bobIsFull)
	carol.says(fmt.Sprintf(line, "@carol"), "data:success\n@carol@")
	carol.says(fmt.Sprintf(line, "@carol"), allIsFull)
	w.move(2 * time.Minute)
	bob.says(fmt.Sprintf(line, "@bob"), "data:success\n@bob@")
}

// TestCopyQuota: where there is no room for a copy there is none, not an old one either; notifications and lookups go
// on.
func TestCopyQuota(t *testing.T) {
	w, alice := owner(t)
	w.env.Quotas.Each.Copies, w.env.Quotas.Each.CopyBytes, w.env.Quotas.All.Copies = 2, 50_000, 3
	value := func(n int) string { return strings.Repeat("v", n) }
	tells := func(from atkey.Sign, name, value string, kept bool) {
		t.Helper()
		w.peer(from).says(fmt.Sprintf("notify:ttr:-1:@alice:%s.wavi%s:%s", name, from, value), fmt.Sprintf("data:success\n%s@", from))
		if r, found := w.stored(fmt.Sprintf("cached:@alice:%s.wavi%s", name, from)); found != kept || kept && string(r.Value) != value {
			t.Errorf("%s of %s is kept: %v", name, from, found)
		}
	}
	tells("@bob", "a1", "v", true)
	tells("@bob", "a2", "v", true)
	tells("@bob", "a3", "v", false)
	tells("@bob", "a2", value(40_000), true)
	tells("@bob", "a1", value(20_000), false) // and the old one is gone
	tells("@bob", "a1", "v", true)
	tells("@carol", "a1", "v", true)
	tells("@carol", "a2", "v", false)
	w.others.answer(askBob, remoteRecord("@alice:x.wavi@bob", "one", `"ttr":60,`))
	for range 2 {
		alice.says("lookup:x.wavi@bob", "data:one\n@alice@")
		w.asks(askBob)
	}
	w.learnBob("key", "")
	if _, found := w.stored("cached:public:publickey@bob"); found {
		t.Error("a key is kept where there is no room")
	}
	w.peer("@bob").says("notify:ttr:5:@alice:a2.wavi@bob", "data:success\n@bob@")
	if r, _ := w.stored("cached:@alice:a2.wavi@bob"); r.Meta.TTR == nil || *r.Meta.TTR != 5 || len(r.Value) != 40_000 {
		t.Errorf("metadata %+v", r.Meta)
	}
}
