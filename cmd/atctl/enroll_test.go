package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

// on runs f on a device, and goes back home after it.
func (p *place) on(t *testing.T, device string, f func()) {
	t.Helper()
	home := p.home
	p.moveTo(t, device)
	defer p.moveTo(t, home)
	f()
}

// request asks for access on a device, with a passcode of the owner's, and returns
// the id. The decision is not waited for.
func (p *place) request(t *testing.T, device string, flags ...string) (id string) {
	t.Helper()
	otp := p.ok(t, "", "otp")
	p.on(t, device, func() {
		out, errs, code := p.ctl(t, otp, append([]string{"enroll", "request", "--wait=0"}, flags...)...)
		if code != exitUnauthorised || !strings.Contains(errs, "not decided yet") {
			t.Fatalf("request: exit code %d, %s", code, errs)
		}
		id = strings.TrimSpace(out)
		if strings.Contains(errs, strings.TrimSpace(otp)) {
			t.Errorf("the passcode is in %q", errs)
		}
	})
	return id
}

// enrollments returns what enroll list tells.
func (p *place) enrollments(t *testing.T, flags ...string) (list []atauth.Enrollment) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.ok(t, "", append([]string{"enroll", "list", "--json"}, flags...)...)), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// The life of an app on another device, from the passcode to the revocation.
func TestEnroll(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "", "put", "milk.todos", "one litre")
	p.ok(t, "", "put", "diary.notes", "dear diary")

	device := t.TempDir()
	asks := []string{"--app=todos", "--device=desk", "--ns=todos:rw", "--lifetime=720h"}
	id := p.request(t, device, asks...)
	keys := filepath.Join(device, ".atsign", "keys", "@alice_todos_desk_key.atKeys")
	if info, err := os.Stat(keys + pendingSuffix); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("pending keys: %v, %v", info, err)
	}

	waiting := p.enrollments(t, "--status=pending")
	if len(waiting) != 1 || waiting[0].ID != id || waiting[0].App != "todos" || waiting[0].Device != "desk" ||
		waiting[0].Namespaces["todos"] != "rw" || waiting[0].RequestedFrom != "127.0.0.1" || waiting[0].Lifetime != 720*3600*1000 {
		t.Errorf("pending: %+v", waiting)
	}
	_, errs, code := p.ctl(t, "", "enroll", "approve", "--yes", id[:6])
	for _, want := range []string{"todos on desk asks", "read and write todos", "for 30d", "from 127.0.0.1", id, "is let in"} {
		if code != 0 || !strings.Contains(errs, want) {
			t.Errorf("approve: exit code %d, does not say %q: %s", code, want, errs)
		}
	}

	p.on(t, device, func() {
		// A second run goes on, without a passcode, and need not repeat what for.
		out, errs, code := p.ctl(t, "", "enroll", "request", "--app=todos", "--device=desk")
		if code != 0 || strings.TrimSpace(out) != id || !strings.Contains(errs, keys) {
			t.Fatalf("going on: exit code %d, %q, %q", code, out, errs)
		}
		if _, errs, code := p.ctl(t, "", append([]string{"enroll", "request"}, asks...)...); code != exitFailed || !strings.Contains(errs, "already") {
			t.Errorf("over a key file: exit code %d, %q", code, errs)
		}
	})
	if _, err := os.Stat(keys + pendingSuffix); err == nil {
		t.Error("the pending keys are still there")
	}
	checkKeyFile(t, keys, id)

	as := "--keys=" + keys
	if got := p.ok(t, "", "get", "milk.todos", as); got != "one litre" {
		t.Errorf("the app reads %q", got)
	}
	p.ok(t, "", "put", "eggs.todos", "six", as)
	if got := p.ok(t, "", "get", "eggs.todos"); got != "six" {
		t.Errorf("the owner reads %q", got)
	}
	for _, args := range [][]string{
		{"get", "diary.notes"}, {"put", "x.notes", "v"}, {"delete", "diary.notes"}, {"put", "x.todos.notes", "v"},
		{"otp"}, {"enroll", "approve", "--yes", id},
	} {
		_, errs, code := p.ctl(t, "", append(args, as)...)
		if args[0] == "enroll" {
			if code == 0 {
				t.Errorf("%q: exit code 0", args)
			}
		} else if code != exitUnauthorised {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	if own := p.enrollments(t, as); len(own) != 1 || own[0].ID != id {
		t.Errorf("the app sees %+v", own)
	}

	p.ok(t, "", "enroll", "revoke", id)
	if _, errs, code := p.ctl(t, "", "get", "milk.todos", as); code != exitUnauthorised {
		t.Errorf("revoked: exit code %d, %s", code, errs)
	}
	p.ok(t, "", "enroll", "unrevoke", id[:8])
	p.ok(t, "", "get", "milk.todos", as)
	p.pass(721 * time.Hour)
	if _, errs, code := p.ctl(t, "", "get", "milk.todos", as); code != exitUnauthorised {
		t.Errorf("at the end of its life: exit code %d, %s", code, errs)
	}
}

// checkKeyFile looks at a key file with the eyes of the other SDKs.
func checkKeyFile(t *testing.T, path, id string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	var members map[string]string
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{
		"aesPkamPublicKey", "aesPkamPrivateKey", "aesEncryptPublicKey", "aesEncryptPrivateKey",
		"selfEncryptionKey", "apkamSymmetricKey", "enrollmentId", "@alice",
	} {
		if members[member] == "" {
			t.Errorf("the key file has no %s", member)
		}
	}
	if members["enrollmentId"] != id || members["@alice"] != members["selfEncryptionKey"] || len(members) != 8 {
		t.Error("the key file has other members than it should")
	}
}

func TestEnrollEndsWithoutKeys(t *testing.T) {
	p := onboarded(t)
	device := t.TempDir()
	flags := []string{"--app=todos", "--device=desk", "--ns=todos:rw"}
	pending := filepath.Join(device, ".atsign", "keys", "@alice_todos_desk_key.atKeys") + pendingSuffix
	ends := func(says string) {
		t.Helper()
		p.on(t, device, func() {
			_, errs, code := p.ctl(t, "", append([]string{"enroll", "request"}, flags...)...)
			if code != exitUnauthorised || !strings.Contains(errs, says) {
				t.Errorf("exit code %d, %q, want %q", code, errs, says)
			}
		})
	}
	gone := func() {
		t.Helper()
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(pending), "*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}

	p.on(t, device, func() {
		_, errs, code := p.ctl(t, "WRONG1", append([]string{"enroll", "request"}, flags...)...)
		if code != exitUnauthorised || !strings.Contains(errs, "atctl otp") || strings.Contains(errs, "WRONG1") {
			t.Errorf("wrong passcode: exit code %d, %q", code, errs)
		}
	})
	gone()

	id := p.request(t, device, flags...)
	p.ok(t, "", "enroll", "deny", id)
	ends("denied")
	gone()
	p.ok(t, "", "enroll", "delete", id)
	if _, _, code := p.ctl(t, "", "enroll", "deny", id); code != exitNotFound {
		t.Errorf("deleted, and then: exit code %d", code)
	}

	id = p.request(t, device, flags...)
	p.pass(49 * time.Hour)
	ends("expired")
	gone()
	if list := p.enrollments(t, "--status=expired"); len(list) != 1 || list[0].ID != id {
		t.Errorf("expired: %+v", list)
	}

	id = p.request(t, device, flags...)
	p.ok(t, "", "enroll", "approve", "--yes", id)
	p.ok(t, "", "enroll", "revoke", id)
	ends("revoked")
	p.ok(t, "", "enroll", "unrevoke", id) // so the keys were not thrown away
	p.on(t, device, func() { p.ok(t, "", "enroll", "request", "--app=todos", "--device=desk") })
}

// Those whom a manager let in fall with it, and the owner is told.
func TestRevokeTellsWhoFell(t *testing.T) {
	p := onboarded(t)
	device := t.TempDir()
	manager := p.request(t, device, "--app=admin", "--device=tab", "--ns=*:rw", "--ns=__manage:rw")
	_, errs, code := p.ctl(t, "", "enroll", "approve", "--yes", manager)
	if code != 0 || !strings.Contains(errs, "EVERYTHING") || !strings.Contains(errs, "LET APPS IN") {
		t.Errorf("approve: exit code %d, %s", code, errs)
	}
	p.on(t, device, func() { p.ok(t, "", "enroll", "request", "--app=admin", "--device=tab") })
	admin := "--keys=" + filepath.Join(device, ".atsign", "keys", "@alice_admin_tab_key.atKeys")

	below := p.request(t, device, "--app=todos", "--device=tab", "--ns=todos:rw")
	p.ok(t, "", "enroll", "approve", "--yes", below, admin)
	p.on(t, device, func() { p.ok(t, "", "enroll", "request", "--app=todos", "--device=tab") })
	p.ok(t, "", "put", "a.todos", "v", "--keys="+filepath.Join(device, ".atsign", "keys", "@alice_todos_tab_key.atKeys"))

	if _, errs, code := p.ctl(t, "", "enroll", "revoke", manager, admin); code != exitUsage || !strings.Contains(errs, "--force") {
		t.Errorf("itself: exit code %d, %s", code, errs)
	}
	var revoked struct {
		EnrollmentID, Status  string
		CascadedEnrollmentIDs []string
	}
	if err := json.Unmarshal([]byte(p.ok(t, "", "enroll", "revoke", "--json", manager)), &revoked); err != nil {
		t.Fatal(err)
	}
	if revoked.EnrollmentID != manager || revoked.Status != "revoked" || len(revoked.CascadedEnrollmentIDs) != 1 || revoked.CascadedEnrollmentIDs[0] != below {
		t.Errorf("revoked: %+v", revoked)
	}
	p.ok(t, "", "enroll", "unrevoke", manager)
	p.ok(t, "", "enroll", "unrevoke", below)
	if _, errs, code := p.ctl(t, "", "enroll", "revoke", manager); code != 0 || !strings.Contains(errs, "1 more fell with it") || !strings.Contains(errs, "todos on tab") {
		t.Errorf("revoke: exit code %d, %s", code, errs)
	}
	if _, errs, code := p.ctl(t, "", "enroll", "unrevoke", below); code != exitFailed {
		t.Errorf("unrevoke below a revoked one: exit code %d, %s", code, errs)
	}
	// itself, by force
	p.ok(t, "", "enroll", "unrevoke", manager)
	p.ok(t, "", "enroll", "revoke", "--force", manager, admin)
	if _, _, code := p.ctl(t, "", "whoami", admin); code != exitUnauthorised {
		t.Errorf("after it ended itself: exit code %d", code)
	}
}

// Nothing is approved unless a person says y.
func TestApproveAsks(t *testing.T) {
	p := onboarded(t)
	id := p.request(t, t.TempDir(), "--app=todos", "--device=desk", "--ns=todos:rw")
	if _, errs, code := p.ctl(t, "y\n", "enroll", "approve", id); code != exitUsage || !strings.Contains(errs, "--yes") {
		t.Errorf("nobody to ask: exit code %d, %q", code, errs)
	}
	for _, yes := range []bool{false, true} {
		var out, errs bytes.Buffer
		con := &console.Console{In: strings.NewReader(""), Out: &out, Err: &errs}
		con.Confirm = func(question string) (bool, error) {
			if !strings.Contains(errs.String(), "read and write todos") || question != "Let it in? [y/N] " {
				t.Errorf("asked %q after %q", question, errs.String())
			}
			return yes, nil
		}
		code := run(t.Context(), []string{"--atsign=@alice", "--ca=" + p.ca, "--server=" + p.server, "enroll", "approve", id}, con)
		want, status := exitFailed, "pending"
		if yes {
			want, status = 0, "approved"
		}
		if list := p.enrollments(t); code != want || list[len(list)-1].Status != status {
			t.Errorf("answer %v: exit code %d, %s, %q", yes, code, list[len(list)-1].Status, errs.String())
		}
	}
	if _, errs, code := p.ctl(t, "", "enroll", "approve", "--yes", id); code != exitFailed || !strings.Contains(errs, "is approved") {
		t.Errorf("again: exit code %d, %q", code, errs)
	}
	if _, errs, code := p.ctl(t, "", "enroll", "approve", "--yes", "ffff"); code != exitNotFound || !strings.Contains(errs, "enroll list") {
		t.Errorf("unknown: exit code %d, %q", code, errs)
	}
}
