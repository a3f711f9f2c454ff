package main_test

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// up starts a network of three on free ports and waits until it is ready.
func up(t *testing.T, env []string, more ...string) *process {
	t.Helper()
	p := launch(t, env, append([]string{"network", "up", "--base-port", "0", "-a", "@alice", "-a", "@bob,Ca.Rol"}, more...)...)
	p.wantPrinted("ready: the directory answers at ", "\n")
	return p
}

// found is how clients find an atSign of a network: they know the directory and the authority.
func (p *process) found(sign atkey.Sign) atauth.Options {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.stdout.String(), "clients must trust ")
	ca, rest, _ := strings.Cut(rest, "\nready: the directory answers at ")
	address, _, _ := strings.Cut(rest, "\n")
	return atauth.Options{Sign: sign, Directory: address, CAFile: ca}
}

// member connects to an atSign of a network that the directory finds.
func (p *process) member(sign atkey.Sign) *atauth.Client {
	p.t.Helper()
	c, err := atauth.Dial(bounded(p.t), p.found(sign))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "net")
	secret := func(sign string) string { return filepath.Join(data, sign, "cram.secret") }
	p := up(t, nil, "--data", data, "--testing-mode", "@carol")
	for _, sign := range []string{"@alice", "@bob", "@carol"} {
		p.wantPrinted("\n"+sign+" ", "localhost:", secret(sign)+"\n")
		if got := mode(t, secret(sign)); got != 0o600 {
			t.Errorf("%s: mode %v", sign, got)
		}
	}
	if log := p.stderr.String(); strings.Count(log, "TESTING MODE") != 1 || !strings.Contains(log, `"server":"@carol"`) {
		t.Errorf("log says %q", log)
	}

	var keys atauth.Keys
	raw, err := os.ReadFile(secret("@alice"))
	if err != nil {
		t.Fatal(err)
	}
	cram := strings.TrimSpace(string(raw))
	keys, err = atauth.Onboard(bounded(t), p.found("@alice"), cram, "test", "here", func(atauth.Keys) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	alice := p.member("@alice")
	if err := alice.Authenticate(bounded(t), keys); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Ask(bounded(t), "update:public:town@alice Lübeck"); err != nil {
		t.Fatal(err)
	}
	ask(t, p.member("@bob").Conn, "noop:0", "ok")
	ask(t, p.member("@carol").Conn, "noop:0", "ok")
	if strings.Contains(p.stdout.String()+p.stderr.String(), cram) {
		t.Error("it tells a secret")
	}

	for _, args := range [][]string{
		{"health"}, {"enroll", "list"}, {"audit", "verify"},
	} {
		o := launch(t, nil, append(args, "--data", filepath.Join(data, "@alice"))...)
		if status := o.status(); status != 0 {
			t.Errorf("%v: status %d", args, status)
		}
	}
	launch(t, nil, "network", "up", "--base-port", "0", "-a", "@bob", "--data", data).wantRefused("in use")
	p.stop()
	if said := p.stderr.String(); strings.Contains(said, `"error"`) {
		t.Errorf("log says %q", said)
	}

	p = up(t, nil, "--data", data)
	p.wantPrinted("\n@alice ", " used up\n", secret("@bob")+"\n")
	if _, err := os.Stat(secret("@alice")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the used secret is still there")
	}
	alice = p.member("@alice")
	if err := alice.Authenticate(bounded(t), keys); err != nil {
		t.Fatal(err)
	}
	ask(t, alice.Conn, "llookup:public:town@alice", "Lübeck")
	ask(t, p.member("@bob").Conn, "noop:0", "ok")
	p.stop()
}

// Servers of a network know each other by its certificate: who has it may claim another atSign, who has none may not.
func TestNetworkPeers(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := up(t, nil, "--data", data)
	ask(t, p.member("@alice").Conn, "from:@bob", "AT0401")

	pair, err := tls.LoadX509KeyPair(filepath.Join(data, "tls", "cert.pem"), filepath.Join(data, "tls", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trust := &tls.Config{RootCAs: roots(t, p.found("@alice").CAFile), Certificates: []tls.Certificate{pair}}
	where, err := wire.LookupDirectory(bounded(t), p.found("@alice").Directory, trust, "@alice")
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Dial(bounded(t), where, trust)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Ask(bounded(t), "from:@bob"); err != nil || !strings.HasPrefix(got, "proof:") {
		t.Errorf("got %q, %v", got, err)
	}
	ask(t, c, "from:@nobody", "AT0007")
}

// Without a folder of its own a network leaves nothing behind.
func TestNetworkInMemory(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	secrets := filepath.Join(tmp, "secrets")
	given := randomSecret()
	writeFile(t, secrets, "# for tests\n@carol:"+given+"\n")
	entries := filepath.Join(tmp, "entries")
	writeFile(t, entries, "@dave=dave.example.org:6464\n")
	p := up(t, []string{"TMPDIR=" + tmp}, "--cram-secret-file", secrets, "--name", "127.0.0.1", "--entries", entries,
		"--no-peer-certificates", "--testing-mode", "@carol")
	p.wantPrinted("\n@bob ", "/@bob/cram.secret\n", "@carol ", "  as given\n")
	o := p.found("@dave")
	trust := &tls.Config{RootCAs: roots(t, o.CAFile)}
	if got, err := wire.LookupDirectory(bounded(t), o.Directory, trust, "@dave"); got != "dave.example.org:6464" {
		t.Errorf("got %q, %v", got, err)
	}
	carol := p.member("@carol")
	challenge, err := carol.Ask(bounded(t), "from:@carol")
	if err != nil {
		t.Fatal(err)
	}
	ask(t, carol.Conn, "cram:"+digest(given+challenge), "success")
	if _, err := p.member("@bob").Ask(bounded(t), "from:@alice"); err != nil { // no certificate is required
		t.Error(err)
	}
	p.stop()
	if left, err := filepath.Glob(filepath.Join(tmp, "atserver-*")); len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestNetworkRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, weak, conflict := filepath.Join(dir, "file"), filepath.Join(dir, "weak"), filepath.Join(dir, "conflict")
	writeFile(t, file, "")
	writeFile(t, weak, "@bob:0123456789abcdef\n")
	writeFile(t, conflict, "@bob=elsewhere:1\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for want, args := range map[string][]string{
		"no atSign given":                  {},
		"@bob is given twice":              {"-a", "@bob", "-a", "Bob"},
		"invalid @sign":                    {"-a", "@b@b"},
		"testing mode: @bob is not":        {"-a", "@alice", "--testing-mode", "@bob"},
		"directory: listen tcp 127.0.0.1:": {"-a", "@alice", "--base-port", port},
		"no ports for 2 atSigns":           {"-a", "@alice,@bob", "--base-port", "65534"},
		"base port 65536 is no port":       {"-a", "@alice", "--base-port", "65536"},
		"data folder":                      {"-a", "@alice", "--data", filepath.Join(file, "x")},
		"CRAM secrets: open":               {"-a", "@alice", "--cram-secret-file", file + "x"},
		"@bob: the CRAM secret is weaker":  {"-a", "@alice,@bob", "--cram-secret-file", weak},
		"the directory says elsewhere:1":   {"-a", "@alice,@bob", "--entries", conflict},
		"directory entries":                {"-a", "@alice", "--entries", file + "x"},
		"not of the form host:port":        {"-a", "@alice", "--name", "no name"},
		"unknown log level":                {"-a", "@alice", "--log-level", "loud"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			all := append([]string{"network", "up"}, args...)
			if !strings.Contains(strings.Join(args, " "), "--base-port") {
				all = append(all, "--base-port", "0")
			}
			p := launch(t, []string{"TMPDIR=" + tmp}, all...)
			p.wantRefused(want)
			if strings.Contains(p.stderr.String(), "0123456789abcdef") {
				t.Error("it tells a secret")
			}
			if left, err := os.ReadDir(tmp); len(left) != 0 || err != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	p := launch(t, nil, "network", "up", "-a", "@alice", "--base-port", "1", "--virtual-environment")
	if status := p.status(); status != 2 || !strings.Contains(p.stderr.String(), "can't be used together") {
		t.Errorf("status %d, said %q", status, p.stderr.String())
	}
}
