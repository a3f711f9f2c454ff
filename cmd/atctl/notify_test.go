package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNotify(t *testing.T) {
	p := openPair(t)
	id := strings.TrimSpace(p.ok(t, "@alice", "", "notify", "--wait", "@bob", "phone.test", "+49 <1>"))
	if out := p.ok(t, "@alice", "", "notify", "status", id); out != "delivered\n" {
		t.Errorf("status %q", out)
	}
	p.ok(t, "@alice", "", "notify", "--wait", "@bob", "--text", "hello: it is me")
	p.ok(t, "@alice", "", "notify", "--wait", "@bob", "bare.test")
	p.ok(t, "@alice", "line\nline", "notify", "send", "--wait", "@bob", "lines.test", "-")
	p.ok(t, "@alice", "", "notify", "--wait", "--delete", "@bob", "gone.test")

	var list []struct {
		From, Key, Operation string
		Value, Plain         *string
	}
	if err := json.Unmarshal([]byte(p.ok(t, "@bob", "", "--json", "notify", "list")), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, n := range list {
		text := "none"
		if n.Plain != nil {
			text = *n.Plain
		}
		got[n.Operation+" "+n.Key] = text
		if n.From != "@alice" {
			t.Errorf("from %s", n.From)
		}
		if n.Value != nil && n.Plain != nil && strings.Contains(*n.Value, *n.Plain) {
			t.Errorf("%s travels in the clear", n.Key)
		}
	}
	for key, want := range map[string]string{
		"update @bob:phone.test@alice": "+49 <1>", "update @bob:hello: it is me": "hello: it is me",
		"update @bob:bare.test@alice": "none", "update @bob:lines.test@alice": "line\nline",
		"delete @bob:gone.test@alice": "none", "update @bob:shared_key@alice": "none",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	table := p.ok(t, "@bob", "", "notify", "list", "phone")
	if !strings.Contains(table, "phone.test") || !strings.Contains(table, "+49 <1>") || strings.Contains(table, "bare") {
		t.Errorf("table:\n%s", table)
	}
	if out := p.ok(t, "@bob", "", "notify", "fetch", id); !strings.Contains(out, "NotificationType.received") {
		t.Errorf("fetched:\n%s", out)
	}
	p.ok(t, "@bob", "", "notify", "remove", id)
	p.refused(t, "@bob", exitNotFound, "no notification", "notify", "fetch", id)
	p.refused(t, "@bob", exitNotFound, "no notification", "notify", "status", id)
	if _, errs, code := p.ctl(t, "@bob", "", "notify", "list", "phone"); code != 0 || !strings.Contains(errs, "no notifications") {
		t.Errorf("nothing: exit code %d, %s", code, errs)
	}
}

// The exit code says what became of it.
func TestNotifyTellsTheTruth(t *testing.T) {
	p := openPair(t)
	p.refused(t, "@alice", exitFailed, "no such atSign", "notify", "--wait", "@nobody", "k.test")
	p.refused(t, "@alice", exitFailed, "public key of @nobody", "notify", "@nobody", "k.test", "value")
	p.stop("@bob")
	p.refused(t, "@alice", exitUnreachable, "not delivered yet", "notify", "--wait", "--timeout=300ms", "@bob", "k.test")
	p.refused(t, "@alice", exitFailed, "expired", "notify", "--wait", "--ttl=50ms", "@bob", "k.test")
	if _, errs, code := p.ctl(t, "@alice", "\xff", "notify", "@bob", "k.test", "-"); code != exitUsage || !strings.Contains(errs, "share it") {
		t.Errorf("no text: exit code %d, %s", code, errs)
	}
	out, errs, code := p.ctl(t, "@alice", "", "--json", "notify", "@bob", "k.test")
	if code != 0 || !strings.Contains(out, `"status": "queued"`) {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

// What one tells oneself is for oneself.
func TestNotifySelf(t *testing.T) {
	p := openPair(t)
	p.ok(t, "@alice", "", "notify", "--wait", "@alice", "note.test", "remember")
	if out := p.ok(t, "@alice", "", "notify", "list"); !strings.Contains(out, "remember") {
		t.Errorf("list:\n%s", out)
	}
}

func TestNotificationID(t *testing.T) {
	a, b := notificationID(), notificationID()
	if len(a) != 36 || a == b || a[14] != '4' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("ids %s and %s", a, b)
	}
}
