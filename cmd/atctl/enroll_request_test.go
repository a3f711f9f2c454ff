package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

// A person waits before one terminal while another decides at the next.
func TestRequestWaits(t *testing.T) {
	p := onboarded(t)
	keys := filepath.Join(t.TempDir(), "app.atKeys")
	otp := p.ok(t, "", "otp", "--ttl=1m")
	done := make(chan string, 1)
	go func() {
		out, errs, code := p.ctl(t, otp, "enroll", "request", "--app=todos", "--device=desk", "--ns=todos:rw", "--keys="+keys, "--json")
		if code != 0 || !strings.Contains(errs, "waiting for the decision\n") {
			t.Errorf("exit code %d, %q", code, errs)
		}
		done <- out
	}()
	var waiting []atauth.Enrollment
	for len(waiting) == 0 {
		select {
		case out := <-done:
			t.Fatalf("it did not wait: %q", out)
		default:
		}
		waiting = p.enrollments(t, "--status=pending")
	}
	p.ok(t, "", "enroll", "approve", "--yes", waiting[0].ID)
	var got outcome
	if err := json.Unmarshal([]byte(<-done), &got); err != nil || got != (outcome{"@alice", waiting[0].ID, "approved", keys}) {
		t.Errorf("%+v, %v", got, err)
	}
	p.ok(t, "", "whoami", "--keys="+keys)
}

func TestRequestIsInterrupted(t *testing.T) {
	p := onboarded(t)
	keys := filepath.Join(t.TempDir(), "app.atKeys")
	otp := p.ok(t, "", "otp")
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	con := &console.Console{In: strings.NewReader(otp), Out: &out, Err: onWrite(func(b []byte) {
		if errs.Write(b); bytes.Contains(b, []byte("waiting")) {
			cancel()
		}
	})}
	flags := []string{
		"--atsign=@alice", "--ca=" + p.ca, "--server=" + p.server,
		"enroll", "request", "--app=todos", "--device=desk", "--ns=todos:rw", "--keys=" + keys,
	}
	if code := run(ctx, flags, con); code != exitFailed || !strings.Contains(errs.String(), "interrupted: run the same command again") {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
	p.ok(t, "", "enroll", "approve", "--yes", strings.TrimSpace(out.String()))

	// Meanwhile the server is away, and then back.
	if _, errs, code := ctl(t, "", append(flags, "--server=127.0.0.1:1", "--wait=0")...); code != exitUnreachable {
		t.Errorf("server away: exit code %d, %q", code, errs)
	}
	other := append(flags, "--ns=notes:r")
	if _, errs, code := ctl(t, "", other...); code != exitUsage || !strings.Contains(errs, ".pending holds a request of todos on desk") {
		t.Errorf("another request: exit code %d, %q", code, errs)
	}
	if _, errs, code := ctl(t, "", append(flags, "--wait=1m")...); code != 0 {
		t.Errorf("back: exit code %d, %q", code, errs)
	}
}

type onWrite func([]byte)

func (f onWrite) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

// The keys are under the passphrase from the beginning.
func TestRequestWithPassphrase(t *testing.T) {
	p := onboarded(t)
	device := t.TempDir()
	secret := filepath.Join(device, "secret")
	if err := os.WriteFile(secret, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(device, "k.atKeys")
	flags := []string{"--app=todos", "--device=desk", "--ns=todos:rw", "--keys=" + keys, "--passphrase-file=" + secret}
	closed := func(path string) {
		t.Helper()
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), "apkam") {
			t.Errorf("%s is open, %v", path, err)
		}
	}
	id := p.request(t, device, flags...)
	closed(keys + pendingSuffix)
	if _, errs, code := p.ctl(t, "", append([]string{"enroll", "request"}, flags[:4]...)...); code != exitFailed || !strings.Contains(errs, "--passphrase-file") {
		t.Errorf("nobody to ask: exit code %d, %q", code, errs)
	}
	p.ok(t, "", "enroll", "approve", "--yes", id)
	p.ok(t, "", append([]string{"enroll", "request"}, flags...)...)
	closed(keys)
	p.ok(t, "", "whoami", "--keys="+keys, "--passphrase-file="+secret)

	// One that is named later is for the key file.
	flags[3], keys = "--keys="+keys+"2", keys+"2"
	flags[1] = "--device=tab"
	id = p.request(t, device, flags[:4]...)
	p.ok(t, "", "enroll", "approve", "--yes", id)
	p.ok(t, "", append([]string{"enroll", "request"}, flags...)...)
	closed(keys)
}

// Where no keys can be kept no passcode is used up.
func TestRequestWithoutPlaceForKeys(t *testing.T) {
	p := onboarded(t)
	otp := p.ok(t, "", "otp")
	file := filepath.Join(p.home, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	request := []string{"enroll", "request", "--wait=0", "--app=todos", "--device=desk", "--ns=todos:rw"}
	if _, errs, code := p.ctl(t, otp, append(request, "--keys="+filepath.Join(file, "k"))...); code != exitFailed {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if _, errs, code := p.ctl(t, otp, request...); code != exitUnauthorised || !strings.Contains(errs, "not decided yet") {
		t.Errorf("with a place: exit code %d, %q", code, errs)
	}
}

// A passcode that the owner chose lets more than one ask.
func TestOwnPasscode(t *testing.T) {
	p := onboarded(t)
	if _, errs, code := p.ctl(t, "HELLO_1\n", "otp", "--set", "--ttl=1h"); code != 0 || !strings.Contains(errs, "is set") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if out := p.ok(t, "HELLO_1", "otp", "--set", "--json"); strings.Contains(out, "HELLO") {
		t.Errorf("printed %q", out)
	}
	var made struct {
		OTP string
		TTL int64
	}
	if err := json.Unmarshal([]byte(p.ok(t, "", "otp", "--json", "--ttl=1m")), &made); err != nil || len(made.OTP) < 6 || made.TTL != 60_000 {
		t.Errorf("%+v, %v", made, err)
	}
	for _, device := range []string{"desk", "tab"} {
		_, errs, code := p.ctl(t, "hello_1", "enroll", "request", "--wait=0", "--app=todos", "--device="+device, "--ns=todos:r")
		if code != exitUnauthorised || !strings.Contains(errs, "not decided yet") {
			t.Errorf("%s: exit code %d, %q", device, code, errs)
		}
	}
	out, _, _ := p.ctl(t, "hello_1", "enroll", "request", "--wait=0", "--app=todos", "--device=shelf", "--ns=todos:r", "--json")
	var got outcome
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Status != "pending" || got.Enrollment == "" {
		t.Errorf("%q: %+v, %v", out, got, err)
	}
	// What is asked for already is not asked for twice.
	if err := os.Remove(filepath.Join(p.home, ".atsign", "keys", "@alice_todos_tab_key.atKeys"+pendingSuffix)); err != nil {
		t.Fatal(err)
	}
	_, errs, code := p.ctl(t, "hello_1", "enroll", "request", "--wait=0", "--app=todos", "--device=tab", "--ns=todos:r")
	if code != exitFailed || !strings.Contains(errs, "Another enrollment") {
		t.Errorf("twice: exit code %d, %q", code, errs)
	}
	if _, errs, code := p.ctl(t, "short", "otp", "--set"); code != exitUsage {
		t.Errorf("short: exit code %d, %q", code, errs)
	}
}
