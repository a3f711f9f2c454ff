package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"atserver/enroll/atauth"
)

// The first start makes the secret and says where it is; the secret itself is in
// no output, whatever is logged. Once it is used up it is gone.
func TestSecretOfItsOwnMaking(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	file := filepath.Join(data, "cram.secret")
	where := "the CRAM secret for onboarding is in " + file + "\n"
	env := []string{"logLevel=debug"}

	first := serving(t, env, local(data)...)
	first.wantPrinted(where)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}\n$`).Match(raw) || mode(t, file) != 0o600 {
		t.Errorf("%d bytes with mode %v", len(raw), mode(t, file))
	}
	for name, want := range map[string]os.FileMode{"root.secret": 0o600, "tls/ca-key.pem": 0o600, "tls/key.pem": 0o600, "store": 0o700} {
		if got := mode(t, filepath.Join(data, name)); got != want {
			t.Errorf("%s: mode %v, want %v", name, got, want)
		}
	}
	secret := strings.TrimSpace(string(raw))
	first.stop()

	second := serving(t, env, local(data)...)
	second.wantPrinted(where)
	if again, _ := os.ReadFile(file); string(again) != string(raw) {
		t.Error("a restart made another secret")
	}
	o := atauth.Options{Sign: "@alice", Server: second.address(), CAFile: filepath.Join(data, "tls", "ca.pem")}
	keys, err := atauth.Onboard(bounded(t), o, secret, "test", "test", func(atauth.Keys) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	second.stop()

	third := serving(t, env, local(data, "-s", secret)...) // the old secret revives nothing
	third.wantLogged("Serving", 1)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	o.Server = third.address()
	c, err := atauth.Dial(bounded(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask(t, c.Conn, "from:@alice:clientConfig:{}", "AT0003")
	if err := c.Authenticate(bounded(t), keys); err != nil {
		t.Error(err)
	}
	if _, err := atauth.Onboard(bounded(t), o, secret, "test", "test", func(atauth.Keys) error { return nil }); err == nil {
		t.Error("the secret is still good")
	}
	third.stop()
	for i, p := range []*process{first, second, third} {
		if all := p.stdout.String() + p.stderr.String(); strings.Contains(all, secret) {
			t.Errorf("start %d told the secret", i+1)
		}
	}
	if strings.Contains(third.stdout.String(), "CRAM") {
		t.Errorf("it says %q", third.stdout.String())
	}
}

// A secret that was given is told of nowhere.
func TestGivenSecret(t *testing.T) {
	t.Parallel()
	secret := randomSecret()
	given := filepath.Join(t.TempDir(), "secret")
	writeFile(t, given, " "+secret+"\r\n")
	for name, how := range map[string]struct{ env, args []string }{
		"file":        {nil, []string{"--cram-secret-file", given}},
		"environment": {[]string{"ATSERVER_CRAM_SECRET_FILE=" + given}, nil},
		"argument":    {nil, []string{"-s", secret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			p := serving(t, append(how.env, "logLevel=debug"), local(data, how.args...)...)
			login(t, p.client(data), secret)
			p.stop()
			if all := p.stdout.String() + p.stderr.String(); strings.Contains(all, secret) || strings.Contains(all, "CRAM") {
				t.Errorf("it says %s", all)
			}
			if _, err := os.Stat(filepath.Join(data, "cram.secret")); !os.IsNotExist(err) {
				t.Errorf("a secret was made: %v", err)
			}
		})
	}
}

// A given secret replaces the one that waited, and nobody is sent to that.
func TestGivenSecretReplaces(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serving(t, nil, local(data)...)
	first.wantPrinted("the CRAM secret for onboarding")
	first.stop()
	secret := randomSecret()
	second := serving(t, nil, local(data, "-s", secret)...)
	second.wantLogged("Serving", 1)
	login(t, second.client(data), secret)
	if strings.Contains(second.stdout.String(), "CRAM secret") {
		t.Errorf("it says %q", second.stdout.String())
	}
}
