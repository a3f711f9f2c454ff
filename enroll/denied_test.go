package enroll

import (
	"regexp"
	"strings"
	"testing"

	"atserver/store"
)

// TestDenied: the trail says who was refused what, but never what a record is
// called (security T53); the same record always has the same reference.
func TestDenied(t *testing.T) {
	f := newFixture(t)
	app := Principal{Kind: App, Enrollment: me}
	refuse := func(n Need) store.AuditEntry {
		t.Helper()
		f.must(f.Denied(&Refusal{Principal: app, Need: n}, "llookup", "192.0.2.7"))
		var last store.AuditEntry
		f.must(f.db.View(func(tx *store.Tx) error {
			for e, err := range tx.AuditLog(-1) {
				if err != nil {
					return err
				}
				last = e
			}
			return nil
		}))
		return last
	}
	one, again := refuse(ToRead(key("secretname.app@alice"))), refuse(ToWrite(key(" SecretName.app@alice")))
	another, manage := refuse(ToRead(key("secretname2.app@alice"))), refuse(ToManage(ReadWrite))
	for _, e := range []store.AuditEntry{one, again, another, manage} {
		if e.Actor != me || e.Action != "llookup" || e.Outcome != "deny" || e.From != "192.0.2.7" {
			t.Errorf("%+v", e)
		}
		for _, text := range append([]string{e.Target}, e.Detail["namespace"]) {
			if strings.Contains(text, "secretname") {
				t.Errorf("%+v tells the name", e)
			}
		}
	}
	if !regexp.MustCompile(`^ref:[0-9a-f]{32}$`).MatchString(one.Target) || one.Target != again.Target || one.Target == another.Target {
		t.Errorf("references %s, %s, %s", one.Target, again.Target, another.Target)
	}
	if one.Detail["namespace"] != "app" || manage.Target != "" {
		t.Errorf("%+v, %+v", one, manage)
	}
	if g := newFixture(t); g.refKey == f.refKey {
		t.Error("two servers make the same references: names could be guessed")
	}
}
