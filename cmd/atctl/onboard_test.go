package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atserver/enroll/atauth"
)

func TestOnboard(t *testing.T) {
	p := open(t)
	out, errs, code := p.ctl(t, cramSecret+"\n", "onboard", "--app=notes", "--device=desk")
	if code != 0 || out != "" || !strings.Contains(errs, "@alice is onboarded") {
		t.Fatalf("exit code %d, %q, %q", code, out, errs)
	}
	info, err := os.Stat(p.keyFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	var who struct {
		AtSign, EnrollmentID, AppName, DeviceName, ServerVersion string
		Namespaces                                               map[string]string
	}
	if err := json.Unmarshal([]byte(p.ok(t, "", "whoami", "--json")), &who); err != nil {
		t.Fatal(err)
	}
	if who.AtSign != "@alice" || who.EnrollmentID == "" || who.AppName != "notes" || who.DeviceName != "desk" ||
		who.ServerVersion == "" || who.Namespaces["*"] != "rw" || who.Namespaces["__manage"] != "rw" {
		t.Errorf("whoami: %+v", who)
	}
	table := p.ok(t, "", "whoami")
	for _, want := range []string{"@alice", who.EnrollmentID, "notes", "desk", "*:rw", who.ServerVersion} {
		if !strings.Contains(table, want) {
			t.Errorf("whoami does not say %s:\n%s", want, table)
		}
	}
	if out := p.ok(t, "", "get", "--public", "publickey"); !strings.HasPrefix(out, "MII") {
		t.Errorf("public key %q", out)
	}
}

func TestOnboardOnlyOnce(t *testing.T) {
	p := onboarded(t)
	before, _ := os.ReadFile(p.keyFile())

	// With the key file there is nothing left to do, and no secret is asked for.
	var done struct{ AtSign, EnrollmentID, Keys string }
	if err := json.Unmarshal([]byte(p.ok(t, "", "onboard", "--json")), &done); err != nil || done.Keys != p.keyFile() {
		t.Errorf("%+v, %v", done, err)
	}
	// Without it the server refuses, and no key file appears.
	elsewhere := filepath.Join(p.home, "other.atKeys")
	_, errs, code := p.ctl(t, cramSecret, "onboard", "--keys", elsewhere)
	if code != exitFailed || !strings.Contains(errs, "onboarded already") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if _, err := os.Stat(elsewhere); err == nil {
		t.Error("keys were written")
	}
	if _, _, code := p.ctl(t, cramSecret, "onboard", "--overwrite"); code != exitFailed {
		t.Errorf("overwriting: exit code %d", code)
	}
	if after, _ := os.ReadFile(p.keyFile()); string(after) != string(before) {
		t.Error("the key file was changed")
	}
}

func TestOnboardRefused(t *testing.T) {
	p := open(t)
	_, errs, code := p.ctl(t, strings.Repeat("0", len(cramSecret)), "onboard")
	if code != exitUnauthorised || strings.Contains(errs, "000") {
		t.Errorf("wrong secret: exit code %d, %q", code, errs)
	}
	if _, err := os.Stat(p.keyFile()); err == nil {
		t.Error("keys were written")
	}
	// A folder that cannot be made: the secret stays good.
	blocked := filepath.Join(p.home, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, code := p.ctl(t, cramSecret, "onboard", "--keys", filepath.Join(blocked, "k")); code != exitFailed {
		t.Errorf("no place for the keys: exit code %d", code)
	}
	p.ok(t, cramSecret, "onboard")
}

// An onboarding that breaks off after the keys were written is finished later.
func TestOnboardGoesOn(t *testing.T) {
	p := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := atauth.Onboard(ctx, atauth.Options{Sign: "@alice", Server: p.server, CAFile: p.ca}, cramSecret, "a", "d",
		func(k atauth.Keys) error {
			cancel()
			return atauth.WriteKeys(p.keyFile(), k, nil)
		})
	if err == nil {
		t.Fatal("nothing broke off")
	}
	if out, errs, code := p.ctl(t, "", "onboard"); code != 0 || !strings.Contains(errs, "going on") {
		t.Fatalf("exit code %d, %q, %q", code, out, errs)
	}
	p.ok(t, "", "get", "--public", "publickey")
}

func TestKeysOfAnotherServer(t *testing.T) {
	p := open(t)
	k, err := atauth.Generate("@alice")
	if err != nil {
		t.Fatal(err)
	}
	k.Enrollment = "0b9e4c1e-0000-4000-8000-000000000001"
	if err := atauth.WriteKeys(p.keyFile(), k, nil); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"whoami", "onboard"} {
		if _, errs, code := p.ctl(t, "", command); code == 0 {
			t.Errorf("%s: exit code 0, %q", command, errs)
		}
	}
	if _, errs, code := ctl(t, "", "whoami", "--keys="+p.keyFile(), "--atsign=@bob"); code != exitUsage || !strings.Contains(errs, "@alice") {
		t.Errorf("keys of somebody else: exit code %d, %q", code, errs)
	}
}

func TestPassphrase(t *testing.T) {
	p := open(t)
	file := func(name, text string) string {
		path := filepath.Join(p.home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	right, wrong := file("right", "correct horse\n"), file("wrong", "battery staple\n")
	p.ok(t, "", "onboard", "--passphrase-file", right, "--cram-secret-file", file("cram", cramSecret+"\n"))
	if text, _ := os.ReadFile(p.keyFile()); strings.Contains(string(text), "selfEncryptionKey") {
		t.Error("the key file is open")
	}
	p.ok(t, "", "whoami", "--passphrase-file", right)
	if _, errs, code := p.ctl(t, "", "whoami", "--passphrase-file", wrong); code != exitUnauthorised {
		t.Errorf("wrong passphrase: exit code %d, %q", code, errs)
	}
	if _, errs, code := p.ctl(t, "", "whoami"); code != exitFailed || !strings.Contains(errs, "--passphrase-file") {
		t.Errorf("no passphrase: exit code %d, %q", code, errs)
	}
}

func TestUnreachable(t *testing.T) {
	p := onboarded(t)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nobody there":      {[]string{"--server=127.0.0.1:1"}, "--server"},
		"no address":        {[]string{"--server=alice"}, "--server"},
		"no directory":      {[]string{"--root=127.0.0.1:1"}, "--root"},
		"no time":           {[]string{"--timeout=1ns"}, "--timeout"},
		"another host name": {[]string{"--server=127.0.0.2:" + p.server[strings.LastIndexByte(p.server, ':')+1:]}, ""},
	} {
		_, errs, code := p.ctl(t, "", append([]string{"whoami"}, c.args...)...)
		if code != exitUnreachable || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit code %d, %q", name, code, errs)
		}
	}
	if _, errs, code := ctl(t, "", "whoami", "--atsign=@alice", "--root="+p.directory); code != exitUnreachable || !strings.Contains(errs, "--ca") {
		t.Errorf("untrusted: exit code %d, %q", code, errs)
	}
	if _, errs, code := ctl(t, cramSecret, "onboard", "--atsign=@bob", "--ca="+p.ca, "--root="+p.directory); code != exitUnreachable || !strings.Contains(errs, "@bob") {
		t.Errorf("unknown atSign: exit code %d, %q", code, errs)
	}
}
