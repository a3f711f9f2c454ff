package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"atserver/verbs/wire"
)

// copies are the names on a shelf.
func copies(t *testing.T, shelf string) (names []string) {
	t.Helper()
	found, err := os.ReadDir(shelf)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, f := range found {
		if !strings.HasPrefix(f.Name(), ".") { // being written
			names = append(names, f.Name())
		}
	}
	return names
}

// keeper is a server in testing mode whose owner is logged in.
func keeper(t *testing.T, data, secret string) (*process, *wire.Conn) {
	t.Helper()
	p := serving(t, nil, local(data, "--testing-mode", "-s", secret)...)
	c := p.client(data)
	login(t, c, secret)
	return p, c
}

// tell wants a command to be carried out.
func tell(t *testing.T, c *wire.Conn, command string) {
	t.Helper()
	if _, err := c.Ask(bounded(t), command); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// A server that does not run is copied, too, and the increments go on whether it
// runs or not.
func TestBackupOfStoppedServer(t *testing.T) {
	t.Parallel()
	data, shelf, restored, secret := t.TempDir(), filepath.Join(t.TempDir(), "shelf"), t.TempDir(), randomSecret()
	backup := []string{"backup", "--data", data, "--atsign", "@alice", "--to", shelf, "--incremental"}
	p, c := keeper(t, data, secret)
	tell(t, c, "update:public:a@alice 1")
	ran(t, backup...)
	tell(t, c, "delete:public:a@alice")
	p.stop()
	ran(t, backup...)
	p, c = keeper(t, data, secret)
	tell(t, c, "update:public:b@alice 2")
	ran(t, backup...)
	p.stop()
	ran(t, backup...)
	if names := copies(t, shelf); len(names) < 3 || strings.Contains(strings.Join(names[1:], " "), "full") {
		t.Errorf("copies %q, want one of everything and increments", names)
	}
	launch(t, nil, "backup", "--data", data, "--to", filepath.Join(t.TempDir(), "x")).wantRefused("say with --atsign whose it is")
	launch(t, nil, "backup", "--data", data, "--atsign", "@bob", "--to", filepath.Join(t.TempDir(), "x")).wantRefused("holds the data of @alice, not of @bob")

	ran(t, "restore", "--from", shelf, "--data", restored, "--atsign", "@alice")
	_, c = keeper(t, restored, secret)
	ask(t, c, "llookup:public:a@alice", "AT0015")
	ask(t, c, "llookup:public:b@alice", "2")
}

// What cannot be done is said in a line, and nothing is changed or left behind.
func TestBackupRefused(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	serving(t, nil, local(data, "-s", randomSecret())...)
	there := filepath.Join(dir, "there")
	writeFile(t, there, "mine")
	to := func(more ...string) []string { return append([]string{"backup", "--data", data, "--to"}, more...) }
	launch(t, nil, to(there)...).wantRefused("is there already")
	launch(t, nil, to(there, "--incremental")...).wantRefused("is a file")
	launch(t, nil, to(filepath.Join(dir, "new"), "--recipient", "age1nonsense")...).wantRefused("a recipient is none of age")
	launch(t, nil, to(filepath.Join(dir, "new"), "--recipients-file", filepath.Join(dir, "none"))...).wantRefused("no such file")
	nothing := filepath.Join(dir, "nothing")
	launch(t, nil, "backup", "--data", nothing, "--atsign", "@alice", "--to", filepath.Join(dir, "new")).wantRefused("holds no data")
	launch(t, nil, "restore", "--from", dir, "--data", nothing).wantRefused("there is no copy in")
	launch(t, nil, "restore", "--from", there, "--data", nothing).wantRefused("is no copy of an atserver")
	launch(t, nil, "verify", there).wantRefused("is no copy of an atserver")
	good := filepath.Join(dir, "good")
	ran(t, to(good)...)
	launch(t, nil, "restore", "--from", good, "--data", nothing, "--atsign", "@bob").wantRefused("is of @alice, not of @bob")
	launch(t, nil, "restore", "--from", good, "--data", data).wantRefused("is not empty")
	if found := copies(t, dir); len(found) != 2 {
		t.Errorf("left behind: %q", found)
	}
	if raw, err := os.ReadFile(there); string(raw) != "mine" {
		t.Errorf("the file now holds %q, %v", raw, err)
	}
	if got := mode(t, good); got != 0o600 {
		t.Errorf("the copy has mode %v", got)
	}
	half := t.TempDir()
	if err := os.Mkdir(filepath.Join(half, "restore.unfinished"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := launch(t, nil, local(half, "-s", randomSecret())...)
	if status := p.status(); status != 1 || !strings.Contains(p.stderr.String(), "did not come to its end") {
		t.Errorf("a folder that was half restored is served: status %d", status)
	}
}

func TestBackupEncrypted(t *testing.T) {
	t.Parallel()
	data, dir, secret := t.TempDir(), t.TempDir(), randomSecret()
	shelf, restored := filepath.Join(dir, "shelf"), filepath.Join(dir, "restored")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key, recipients := filepath.Join(dir, "key"), filepath.Join(dir, "recipients")
	writeFile(t, key, identity.String()+"\n")
	writeFile(t, recipients, "# the owner\n"+identity.Recipient().String()+"\n")
	p, c := keeper(t, data, secret)
	tell(t, c, "update:public:a@alice 1")
	backup := []string{"backup", "--data", data, "--to", shelf, "--incremental"}
	ran(t, append(backup, "--recipients-file", recipients)...)
	tell(t, c, "update:public:a@alice 2")
	launch(t, nil, backup...).wantRefused("name a recipient for what follows it, too")
	ran(t, append(backup, "--recipient", identity.Recipient().String())...)
	p.stop()
	if got := ran(t, "verify", shelf); strings.Count(got, "encrypted, not looked into") != 2 {
		t.Errorf("verified without the key:\n%s", got)
	}
	if got := ran(t, "verify", shelf, "--identity", key, "--json"); strings.Count(got, `"encrypted":true`) != 2 || strings.Contains(got, `"changes":-1`) {
		t.Errorf("verified with the key:\n%s", got)
	}
	launch(t, nil, "restore", "--from", shelf, "--data", restored).wantRefused("is encrypted: give the file of the identity")
	wrong := launch(t, nil, "restore", "--from", shelf, "--data", restored, "--identity", filepath.Join(data, "root.secret"))
	wrong.wantRefused("holds no identity of age")
	ran(t, "restore", "--from", shelf, "--data", restored, "--identity", key)
	_, c = keeper(t, restored, secret)
	ask(t, c, "llookup:public:a@alice", "2")
}

// The standby: increments are made while there is something to copy, over the death
// of the server and its return, until somebody ends it.
func TestBackupEvery(t *testing.T) {
	t.Parallel()
	data, shelf, secret := t.TempDir(), filepath.Join(t.TempDir(), "shelf"), randomSecret()
	p, c := keeper(t, data, secret)
	standby := launch(t, nil, "backup", "--data", data, "--to", shelf, "--every", "20ms", "--keep", "2")
	has := func(value string) func() bool {
		return func() bool {
			names := copies(t, shelf)
			if len(names) == 0 {
				return false
			}
			raw, err := os.ReadFile(filepath.Join(shelf, names[len(names)-1]))
			return err == nil && strings.Contains(string(raw), value)
		}
	}
	tell(t, c, "update:public:a@alice first-value")
	eventually(t, has("first-value"))
	p.cmd.Process.Kill()
	p.status()
	eventually(t, func() bool { return strings.Contains(standby.stderr.String(), "to be tried again: no server runs") })
	_, c = keeper(t, data, secret)
	tell(t, c, "update:public:b@alice second-value")
	eventually(t, has("second-value"))
	standby.signal(syscall.SIGTERM)
	if status := standby.status(); status != 0 || strings.Contains(standby.stderr.String(), "mark=") {
		t.Errorf("status %d", status)
	}
	ran(t, "verify", shelf)
	restored := filepath.Join(t.TempDir(), "restored")
	ran(t, "restore", "--from", shelf, "--data", restored)
	_, c = keeper(t, restored, secret)
	ask(t, c, "llookup:public:a@alice", "first-value")
	ask(t, c, "llookup:public:b@alice", "second-value")
}
