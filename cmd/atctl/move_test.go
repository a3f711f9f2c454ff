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

// destination is a server that is not onboarded, for the person whose keys p has.
func (p *place) destination(t *testing.T) *place {
	t.Helper()
	to := open(t)
	to.moveTo(t, p.home)
	return to
}

// movedKeys is the key file for the new server.
func (p *place) movedKeys() string {
	return filepath.Join(p.home, ".atsign", "keys", "@alice_moved_key.atKeys")
}

// moveFrom moves and returns the summary.
func (p *place) moveFrom(t *testing.T, from *place, input string, code int, flags ...string) (done moved, errs string) {
	t.Helper()
	out, errs, exit := p.ctl(t, input, append([]string{"move-from", from.server, "--source-ca=" + from.ca, "--json"}, flags...)...)
	if exit != code {
		t.Fatalf("exit code %d, want %d: %s", exit, code, errs)
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return done, errs
}

func TestMove(t *testing.T) {
	from := onboarded(t)
	want := from.rich(t)
	from.tell(t, "config:block:add:@eve @mallory")
	from.request(t, t.TempDir(), "--app=todos", "--device=desk", "--ns=todos:rw")
	before, _ := os.ReadFile(from.keyFile())

	to := from.destination(t)
	done, errs := to.moveFrom(t, from, cramSecret, 0, "--app=mover", "--device=box")
	if done.Records != (tally{Written: len(want) - 1, Same: 1}) || done.Compared != len(want) || len(done.Differing) != 0 || done.OnlyNew != 0 || done.Blocked != 2 {
		t.Errorf("%+v", done)
	}
	if len(done.Enrollments) != 1 || done.Enrollments[0].App != "todos" || done.Keys != to.movedKeys() {
		t.Errorf("%+v", done)
	}
	if strings.Contains(errs, cramSecret) || !strings.Contains(errs, to.movedKeys()) {
		t.Errorf("said %q", errs)
	}
	if after, err := os.ReadFile(from.keyFile()); string(after) != string(before) || err != nil {
		t.Errorf("the old key file has changed, %v", err)
	}
	if info, err := os.Stat(to.movedKeys()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got := to.ok(t, "", "get", "self.test", "--keys", to.movedKeys()); got != "self" {
		t.Errorf("read %q", got)
	}
	if who := to.ok(t, "", "whoami", "--keys", to.movedKeys()); !strings.Contains(who, "mover") || !strings.Contains(who, "*:rw") {
		t.Errorf("on the new server: %s", who)
	}
	from.ok(t, "", "get", "self.test")

	// Again, with a record more. Nothing is asked for.
	from.ok(t, "", "put", "late.test", "1")
	done, _ = to.moveFrom(t, from, "", 0)
	if done.Records != (tally{Written: 1, Same: len(want)}) || done.Compared != len(want)+1 {
		t.Errorf("again: %+v", done)
	}
	out, errs, code := to.ctl(t, "", "move-from", from.server, "--source-ca="+from.ca)
	if code != 0 || !strings.Contains(errs, "0 differ") || !strings.HasPrefix(out, "APP ") || !strings.Contains(out, "todos:rw") {
		t.Errorf("for a person: exit code %d, %q, %q", code, out, errs)
	}
}

// The comparison finds what is not as it was.
func TestMoveFindsDifferences(t *testing.T) {
	from := onboarded(t)
	from.rich(t)
	to := from.destination(t)
	to.moveFrom(t, from, cramSecret, 0)
	to.ok(t, "", "put", "self.test", "forged", "--keys", to.movedKeys())
	to.ok(t, "", "meta", "@bob:phone.test@alice", "--ttr=2h", "--keys", to.movedKeys())
	to.ok(t, "", "put", "mine.test", "new", "--keys", to.movedKeys())

	done, errs := to.moveFrom(t, from, "", exitFailed)
	if len(done.Differing) != 2 || done.Differing[0] != (difference{"self.test@alice", "other value"}) && done.Differing[1] != (difference{"self.test@alice", "other value"}) {
		t.Errorf("%+v", done.Differing)
	}
	if done.Records.Kept != 2 || done.OnlyNew != 1 || !strings.Contains(errs, "records that differ: 2") {
		t.Errorf("%+v, %s", done, errs)
	}
	out, _, code := to.ctl(t, "", "move-from", from.server, "--source-ca="+from.ca)
	if code != exitFailed || !strings.Contains(out, "@bob:phone.test@alice  other metadata") {
		t.Errorf("for a person: exit code %d, %s", code, out)
	}
	done, _ = to.moveFrom(t, from, "", 0, "--overwrite")
	if done.Records.Written != 2 || to.ok(t, "", "get", "self.test", "--keys", to.movedKeys()) != "self" {
		t.Errorf("overwritten: %+v", done)
	}
}

// A move that broke off once the keys were written goes on with them.
func TestMoveGoesOn(t *testing.T) {
	from := onboarded(t)
	from.ok(t, "", "put", "self.test", "self")
	to := from.destination(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := atauth.OnboardWith(ctx, atauth.Options{Sign: "@alice", Server: to.server, CAFile: to.ca}, from.keys(t), cramSecret, "a", "d",
		func(k atauth.Keys) error {
			cancel()
			return atauth.WriteKeys(to.movedKeys(), k, nil)
		})
	if err == nil {
		t.Fatal("nothing broke off")
	}
	if done, _ := to.moveFrom(t, from, "", 0); done.Compared != 2 {
		t.Errorf("%+v", done)
	}
}

func TestMoveRefused(t *testing.T) {
	from := onboarded(t)
	device := t.TempDir()
	id := from.request(t, device, "--app=todos", "--device=desk", "--ns=todos:rw")
	from.ok(t, "", "enroll", "approve", "--yes", id)
	from.on(t, device, func() { from.ok(t, "", "enroll", "request", "--app=todos", "--device=desk") })
	app := filepath.Join(device, ".atsign", "keys", "@alice_todos_desk_key.atKeys")

	to := from.destination(t)
	other := filepath.Join(t.TempDir(), "other.atKeys")
	refused := func(name string, code int, says string, flags ...string) {
		t.Helper()
		_, errs, exit := to.ctl(t, strings.Repeat("0", 48), append([]string{"move-from", from.server, "--source-ca=" + from.ca}, flags...)...)
		if exit != code || !strings.Contains(errs, says) {
			t.Errorf("%s: exit code %d, %s", name, exit, errs)
		}
	}
	refused("keys of an app", exitUnauthorised, "todos:rw", "--keys="+app)
	refused("wrong secret", exitUnauthorised, "")
	if _, errs, code := to.ctl(t, cramSecret, "move-from", from.server); code != exitUnreachable {
		t.Errorf("untrusted: exit code %d, %s", code, errs)
	}
	if _, err := os.Stat(to.movedKeys()); err == nil {
		t.Error("keys were written")
	}
	to.ok(t, cramSecret, "onboard", "--keys", other)
	refused("somebody else's", exitUnauthorised, "--new-keys")
	refused("other keys", exitFailed, "holds other keys", "--new-keys="+other)
	if _, errs, code := from.ctl(t, "", "move-from", from.server, "--source-ca="+from.ca); code != exitUsage || !strings.Contains(errs, "same server") {
		t.Errorf("to itself: exit code %d, %s", code, errs)
	}
	if _, errs, code := to.ctl(t, "", "move-from", "nowhere"); code != exitUsage {
		t.Errorf("no address: exit code %d, %s", code, errs)
	}
}

// The new key file is as closed as the old one.
func TestMoveKeepsThePassphrase(t *testing.T) {
	from := onboarded(t)
	secret := filepath.Join(from.home, "passphrase")
	if err := os.WriteFile(secret, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atauth.ReplaceKeys(from.keyFile(), from.keys(t), []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	to := from.destination(t)
	to.moveFrom(t, from, cramSecret, 0, "--passphrase-file", secret)
	if text, err := os.ReadFile(to.movedKeys()); err != nil || strings.Contains(string(text), "selfEncryptionKey") {
		t.Errorf("the new key file is open, %v", err)
	}
	to.moveFrom(t, from, "", 0, "--passphrase-file", secret)
}

// All that is asked of the old server, the one of 2024 understands.
func TestMoveFromOldServer(t *testing.T) {
	p := onboarded(t)
	meta := map[string]string{"createdAt": "2024-10-24 10:00:00.123Z", "updatedAt": "2024-10-25 10:00:00.000Z", "version": "3", "status": "active"}
	old := openOldServer(t, p,
		oldEntry{id: 0, key: "public:signing_publickey@alice", value: "MIIB", meta: meta},
		oldEntry{id: 4, key: "k.test@alice", value: "v", meta: meta},
		oldEntry{id: 9, key: "public:dead.test@alice", value: "v", meta: map[string]string{"expiresAt": "2024-10-25 10:00:00.000Z"}},
		oldEntry{id: 11, key: "cached:public:publickey@bob", value: "MIIB"},
		oldEntry{id: 12, key: "plain.test@alice", value: "one\ntwo"},
		oldEntry{id: -1, key: "silent.test@alice", value: "v"})
	old.answers = map[string]string{
		"config:block:show": `data:["@eve"]`,
		"enroll:list":       `data:{"7c1d.new.enrollments.__manage@alice":{"appName":"todos","deviceName":"desk","namespace":{"todos":"rw"},"status":"approved"}}`,
	}
	to := p.destination(t)
	done, _ := to.moveFrom(t, &place{server: old.address, ca: p.ca}, cramSecret, 0)
	if done.Records != (tally{Written: 3, Expired: 1}) || done.Compared != 3 || done.OnlyNew != 1 || done.Blocked != 1 || len(done.Enrollments) != 1 {
		t.Errorf("%+v", done)
	}
	_, lines := exported(t, to.ok(t, "", "export", "--keys", to.movedKeys()))
	if line := lines["k.test@alice"]; *line.Value != "v" || line.Metadata.CreatedAt.Format("2006-01-02") != "2024-10-24" {
		t.Errorf("%+v", line)
	}
	for _, line := range old.asked {
		if verb, _, _ := strings.Cut(line, ":"); !strings.Contains(" from pkam info scan stats sync llookup config enroll ", " "+verb+" ") || strings.Contains(line, ":add:") {
			t.Errorf("asked %s", line)
		}
	}
}
