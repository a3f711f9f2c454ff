package verbs

import (
	"strings"
	"testing"
	"time"

	"atserver/enroll"
	"atserver/store"
)

// received lists the ids of what the owner was told, oldest first.
func (w *world) received() (ids []string) {
	w.t.Helper()
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for n, err := range tx.Notifications(time.UnixMilli(0), endOfTime) {
			if err != nil {
				return err
			}
			if n.Type == store.Received {
				ids = append(ids, n.ID)
			}
		}
		return nil
	}))
	return ids
}

// waiting lists what waits for others, oldest first.
func (w *world) waiting() (all []store.Notification) {
	w.t.Helper()
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for n, err := range tx.Notifications(time.UnixMilli(0), endOfTime) {
			if err != nil {
				return err
			}
			if n.Type == store.Sent {
				all = append(all, n)
			}
		}
		return nil
	}))
	return all
}

// Another atSign's server speaks in its own name, to this atSign, and not for the
// server.
func TestNotifyByPeer(t *testing.T) {
	w, alice := owner(t)
	bob := w.peer("@bob")
	bob.says("notify:id:n1:update:messageType:key:notifier:SYSTEM:ttln:86400000:ttl:0:ttb:0:isEncrypted:true:@alice:phone.wavi@bob:b64", "data:success\n@bob@")
	alice.says("notify:fetch:n1", `data:{"id":"n1","fromAtSign":"@bob","notificationDateTime":"2026-10-01 12:00:00.000Z","toAtSign":"@alice","notification":"@alice:phone.wavi@bob",`+
		`"type":"NotificationType.received","opType":"OperationType.update","messageType":"MessageType.key","priority":"NotificationPriority.low",`+
		`"notificationStatus":"NotificationStatus.delivered","retryCount":"1","strategy":"all","depth":"1","notifier":"SYSTEM","expiresAt":"2026-10-02 12:00:00.000Z",`+
		`"atValue":"b64","atMetadata":"{createdBy: @alice, ttl: 0, ttb: 0, isEncrypted: true}","ttl":"86400000"}`+"\n@alice@")
	for line, want := range map[string]string{
		"notify:@alice:phone.wavi@carol:v":                            "error:AT0009-Exception: @carol is not authorized to send notification as @bob\n@",
		"notify:ttr:-1:@alice:phone.wavi@carol:v":                     "error:AT0009-Exception: @carol is not authorized to send notification as @bob\n@",
		"notify:@carol:phone.wavi@bob:v":                              "error:AT0009-Exception: notifications for @carol are not for @alice\n@",
		"notify:@bob:phone.wavi@bob:v":                                "error:AT0009-Exception: notifications for @bob are not for @alice\n@",
		"notify:@alice:7c.new.enrollments.__manage@bob:v":             "error:AT0009-Exception: nobody but the server notifies in this namespace\n@",
		"notify:@alice:1.events.__atserver@bob:v":                     "error:AT0009-Exception: nobody but the server notifies in this namespace\n@",
		"notify:all:@alice:phone.wavi@bob:v":                          "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"notify:status:n1":                                            "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"notify:fetch:n1":                                             "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"notify:remove:n1":                                            "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"monitor":                                                     "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"notify:ttr:-1:@alice:" + strings.Repeat("x", 250) + "@bob:v": "error:AT0016-Exception: notification key length 268 is greater than 255 chars\n@",
		"notify:ttr:-1:@alice:a key:b@bob:v":                          "error:AT0016-Exception: the notification's key is not the name of a record\n@",
	} {
		bob.says(line, want)
	}
	if got := w.received(); len(got) != 1 {
		t.Errorf("received %v", got)
	}
	if got := strings.Join(w.keys(), " "); got != "" {
		t.Errorf("stored %s", got)
	}
	bob.says("notify:list", "data:null\n@bob@")
	alice.says("notify:id:s1:@bob:x.wavi@alice:v", "data:s1\n@alice@")
	alice.says("notify:id:s2:@carol:x.wavi@alice:v", "data:s2\n@alice@")
	if sent, _ := bob.exec("notify:list"); !strings.HasPrefix(sent, `data:[{"id":"s1"`) || strings.Contains(sent, "s2") {
		t.Errorf("@bob was told %s", sent)
	}
	w.move(15 * time.Minute)
	bob.says("notify:list", "data:null\n@bob@")
}

// What comes twice is kept once; what only has the same id is kept in its place.
// Nobody touches what others sent.
func TestNotifyAgain(t *testing.T) {
	w, alice := owner(t)
	bob, carol := w.peer("@bob"), w.peer("@carol")
	alice.says("notify:id:same:@bob:mine.wavi@alice:v", "data:same\n@alice@")
	for _, say := range []func(){
		func() { bob.says("notify:id:same:@alice:x.wavi@bob:v", "data:success\n@bob@") },
		func() { bob.says("notify:id:same:@alice:x.wavi@bob:v", "data:success\n@bob@") },
		func() { carol.says("notify:id:same:@alice:x.wavi@carol:v", "data:success\n@carol@") },
		func() { bob.says("notify:id:same:eph:@alice:x.wavi@bob:v", "data:success\n@bob@") },
	} {
		say()
		w.move(time.Second)
	}
	if got := w.received(); len(got) != 2 {
		t.Errorf("received %v", got)
	}
	bob.says("notify:id:same:@alice:x.wavi@bob:w", "data:success\n@bob@")
	bob.says("notify:id:same:delete:@alice:x.wavi@bob:w", "data:success\n@bob@")
	if got := w.received(); len(got) != 2 {
		t.Errorf("received %v", got)
	}
	alice.says("notify:status:same", "data:queued\n@alice@")
	bob.says("notify:id:late:eAtn:2020-01-01T00:00:00Z:@alice:x.wavi@bob:w", "data:success\n@bob@")
	alice.says("notify:status:late", "data:null\n@alice@")
	bob.says("notify:id:text:messageType:text:ivNonce:x:isEncrypted:true:@alice:hello", "data:success\n@bob@")
	if sent, _ := alice.exec("notify:fetch:text"); !strings.Contains(sent, `"atMetadata":"{createdBy: @alice, isEncrypted: true}"`) {
		t.Errorf("text is kept as %s", sent)
	}
}

// A copy is kept where the sender allows it, follows its changes, and goes when the
// sender says so.
func TestNotifyKeepsCopies(t *testing.T) {
	w, _ := owner(t)
	bob := w.peer("@bob")
	const copied = "cached:@alice:x.wavi@bob"
	has := func(want string) store.Meta {
		t.Helper()
		r, found := w.stored(copied)
		if !found || string(r.Value) != want {
			t.Fatalf("the copy is %q, %v; want %q", r.Value, found, want)
		}
		return r.Meta
	}
	bob.says("notify:@alice:x.wavi@bob:v", "data:success\n@bob@")
	bob.says("notify:ttr:0:@alice:x.wavi@bob:v", "data:success\n@bob@")
	bob.says("notify:update:ttr:5:@alice:x.wavi@bob", "data:success\n@bob@")
	if got := w.keys(); len(got) != 0 {
		t.Fatalf("stored %v", got)
	}
	bob.says("notify:ttl:600000:ttr:5:cAt:2026-01-01T00:00:00.000Z:uAt:2026-01-02T00:00:00.000Z:ivNonce:iv:dataSignature:sig:isBinary:true:@alice:X.wavi@bob:v", "data:success\n@bob@")
	m := has("v")
	if m.CreatedAt.Day() != 1 || m.UpdatedAt.Day() != 2 || m.IVNonce != "iv" || m.DataSignature != "" || *m.IsBinary || !*m.IsEncrypted || *m.TTR != 5 || *m.CCD {
		t.Errorf("metadata %+v", m)
	}
	w.rings(copied)
	bob.says("notify:delete:@alice:x.wavi@bob", "data:success\n@bob@")
	has("v") // for the sender did not say that it goes with the original
	bob.says("notify:ttr:7:ccd:true:@alice:x.wavi@bob:w", "data:success\n@bob@")
	if m := has("w"); m.Version != 1 || *m.TTR != 7 || *m.TTL != 600000 || m.IVNonce != "" || m.CreatedAt.Day() != 1 {
		t.Errorf("metadata %+v", m)
	}
	bob.says("notify:ttr:9:@alice:x.wavi@bob", "data:success\n@bob@")
	if m := has("w"); *m.TTR != 9 || !*m.CCD {
		t.Errorf("metadata %+v", m)
	}
	bob.says("notify:delete:@alice:x.wavi@bob", "data:success\n@bob@")
	if got := w.keys(); len(got) != 0 {
		t.Errorf("stored %v", got)
	}
	bob.says("notify:ttr:-1:@alice:public:x.wavi@bob:v", "data:success\n@bob@")
	if got := w.keys(); len(got) != 1 || got[0] != "cached:public:x.wavi@bob" {
		t.Errorf("stored %v", got)
	}
	bob.says("notify:eph:@alice:y.wavi@bob:v", "data:success\n@bob@")
	bob.says("notify:ttr:-1:messageType:text:@alice:hello", "error:AT0003-Exception: Invalid syntax. e.g. notify:@colin:key@kevin\n@")
}

// What is shared tells its recipient of each change, with what is stored, in the
// same transaction, unless that is switched off.
func TestAutoNotify(t *testing.T) {
	w, alice := owner(t)
	w.env.TestingMode = true
	alice.says("update:ttl:600000:ttr:-1:isEncrypted:true:ivNonce:iv:encoding:base64:@bob:x.wavi@alice v", "data:0\n@alice@")
	alice.says("update:meta:@bob:x.wavi@alice:ttr:5", "data:1\n@alice@")
	alice.says("delete:dAt:2026-09-01T00:00:00Z:priority:high:@bob:x.wavi@alice", "data:2\n@alice@")
	alice.says("delete:@bob:x.wavi@alice", "data:3\n@alice@")
	got := w.waiting()
	if len(got) != 4 {
		t.Fatalf("%d notifications", len(got))
	}
	first, second, third, fourth := got[0], got[1], got[2], got[3]
	if m := first.Meta; first.Key != "@bob:x.wavi@alice" || string(first.Value) != "v" || *m.TTR != -1 || m.IVNonce != "iv" || m.Encoding != "" ||
		!m.CreatedAt.Equal(epoch) || !m.UpdatedAt.Equal(epoch) || first.Notifier != "system" || first.Expires.Sub(epoch) != DefaultNotificationLife {
		t.Errorf("update: %+v, %+v", first, m)
	}
	if second.Value != nil || *second.Meta.TTR != 5 || second.Op != store.NotifyUpdate {
		t.Errorf("update:meta: %+v, %+v", second, second.Meta)
	}
	if third.Op != store.NotifyDelete || third.Priority != store.High || third.Meta == nil || third.Meta.UpdatedAt.Month() != 9 {
		t.Errorf("delete: %+v, %+v", third, third.Meta)
	}
	if fourth.Meta != nil || fourth.Priority != store.Low {
		t.Errorf("delete: %+v", fourth)
	}
	alice.says("config:set:autoNotify=false", "data:ok\n@alice@")
	alice.says("update:@bob:x.wavi@alice v", "data:4\n@alice@")
	alice.says("delete:@bob:x.wavi@alice", "data:5\n@alice@")
	alice.says("update:immutable:true:@bob:x.wavi@alice v", "data:6\n@alice@")
	alice.says("config:set:autoNotify=true", "data:ok\n@alice@")
	alice.exec("update:@bob:x.wavi@alice w") // refused: it is immutable
	alice.says("delete:cached:@alice:y@bob", "data:7\n@alice@")
	alice.says("update:@bob:x@alice v", "data:8\n@alice@") // which no notification can name
	if n := len(w.waiting()); n != 4 {
		t.Errorf("%d notifications", n)
	}
}

// Rights are asked at each delivery: what a monitor is told changes with them.
func TestWatchAsksEachTime(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}, Parent: "root"})
	app := w.app("7c")
	app.says("monitor:selfNotifications", "")
	n := store.Notification{ID: "x", From: "@bob", To: "@alice", Key: "@alice:x.wavi@bob", Type: store.Received, Expires: epoch.Add(time.Minute)}
	if !app.watch.Wants(n) {
		t.Error("it is not told of what it may read")
	}
	other, sent, request := n, n, n
	other.Key = "@alice:x.buzz@bob"
	sent.Type = store.Sent
	request.Type, request.Key = store.Internal, "7c.new.enrollments.__manage@alice"
	for _, not := range []store.Notification{other, sent, request} {
		if app.watch.Wants(not) {
			t.Errorf("it is told of %+v", not)
		}
	}
	if line, err := app.watch.AppendStats(nil, nil); err != nil || len(line) == 0 {
		t.Errorf("stats: %s, %v", line, err)
	}
	w.app("root").exec(`enroll:revoke:{"enrollmentId":"7c"}`)
	if app.watch.Wants(n) {
		t.Error("it is told after its end")
	}
	if line, err := app.watch.AppendStats(nil, nil); err != nil || len(line) != 0 {
		t.Errorf("stats after its end: %s, %v", line, err)
	}
}
