package main_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// local are the arguments of a server for @alice on any free port.
func local(data string, more ...string) []string {
	return append([]string{"serve", "--atsign", "@alice", "--listen", "127.0.0.1:0", "--data", data}, more...)
}

// The reference server is started with these arguments and this environment.
func TestAsTheReferenceServer(t *testing.T) {
	t.Parallel()
	for _, names := range [][3]string{{"-a", "-p", "-s"}, {"--at_sign", "--server_port", "--shared_secret"}} {
		t.Run(names[0], func(t *testing.T) {
			t.Parallel()
			data, secret := t.TempDir(), randomSecret()
			port := quietPort(t)
			env := []string{
				"secondaryStoragePath=" + data, "testingMode=true", "logLevel=INFO", "inbound_max_limit=4", "useTLS=true",
				"inbound_idletime_millis=600000", "authenticated_inbound_idletime_millis=2592000000", "expiringRunFreqMins=10",
				"clientCertificateRequired=false", "rootServerUrl=proxy:127.0.0.1", "rootServerPort=1", "preload=", "hive=x",
			}
			p := launch(t, env, names[0], "@alice", names[1], port, names[2], secret)
			p.wantPrinted("@alice is served at ", ":"+port+"\n")
			first, second := p.client(data), p.client(data)
			for range 2 { // testing mode: more than once
				login(t, first, secret)
			}
			login(t, second, secret)
			ask(t, first, "llookup:public:none@alice", "AT0015")
			ask(t, first, "lookup:none@bob", "AT0004")                     // all servers are where the proxy is
			if _, err := second.Ask(bounded(t), "from:@bob"); err != nil { // no certificate is required
				t.Error(err)
			}
			_, err := p.dial(filepath.Join(data, "tls", "ca.pem")) // half of the places are for one address
			var full *wire.Error
			if !errors.As(err, &full) || full.Code != "AT0012" {
				t.Errorf("got %v", err)
			}
			p.stop()
			log := p.stderr.String()
			if !strings.Contains(log, "TESTING MODE") || strings.Contains(log, `"level":"debug"`) || strings.Contains(log+p.stdout.String(), secret) {
				t.Error("the log is not as it should be")
			}
		})
	}
}

func TestCertificateOfTheReferenceServer(t *testing.T) {
	t.Parallel()
	for _, names := range [][3]string{
		{"securityCertificateChainLocation", "securityPrivateKeyLocation", "securityTrustedCertificateLocation"},
		{"ATSERVER_CERT", "ATSERVER_KEY", "ATSERVER_TRUST"},
	} {
		dir := t.TempDir()
		chain, key := filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem")
		certificate(t, chain, key)
		p := serving(t, []string{names[0] + "=" + chain, names[1] + "=" + key, names[2] + "=" + chain}, local(filepath.Join(dir, "data"))...)
		if strings.Contains(p.stdout.String(), "must trust") {
			t.Error("it made an authority")
		}
		c, err := p.dial(chain)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, c, "noop:0", "ok")
		ask(t, c, "from:@bob", "AT0401") // by default a certificate is required of others
	}
}

// Without --data the folder is where data of this user is, named after the
// folded atSign.
func TestDefaultDataFolder(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, test := range []struct{ env, folder string }{
		{"XDG_DATA_HOME=" + filepath.Join(home, "xdg"), "xdg/atserver/@alice"},
		{"HOME=" + home, ".local/share/atserver/@alice"},
	} {
		p := serving(t, []string{test.env}, "-a", "Al.Ice", "--listen", "127.0.0.1:0")
		folder := filepath.Join(home, test.folder)
		if got := mode(t, folder); got != 0o700 {
			t.Errorf("mode %v", got)
		}
		p.client(folder)
		p.wantPrinted("@alice is served", "clients must trust "+filepath.Join(folder, "tls", "ca.pem"))
	}
}

func TestRefusedStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "")
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"no TLS", []string{"useTLS=false"}, local(filepath.Join(dir, "a")), "useTLS must be true"},
		{"no SSL", []string{"useSSL=False"}, local(filepath.Join(dir, "b")), "useTLS must be true"},
		{"unknown level", []string{"logLevel=loud"}, local(filepath.Join(dir, "c")), `unknown log level "loud"`},
		{"no atSign", nil, []string{"-a", "@al@ice", "--data", filepath.Join(dir, "d")}, "invalid @sign"},
		{"data in a file", nil, local(filepath.Join(file, "x")), "data folder"},
		{"address in use", nil, []string{"-a", "@alice", "--listen", taken.Addr().String(), "--data", filepath.Join(dir, "e")}, "address already in use"},
		{"no address", nil, []string{"-a", "@alice", "--listen", "nowhere", "--data", filepath.Join(dir, "f")}, "nowhere"},
		{"certificate without key", nil, local(filepath.Join(dir, "g"), "--cert", chain), "must be given together"},
		{"no certificate", nil, local(filepath.Join(dir, "h"), "--cert", file, "--key", key), "certificate " + file},
		{"no authorities", nil, local(filepath.Join(dir, "i"), "--trust", file), "holds no certificate"},
		{"weak secret", nil, local(filepath.Join(dir, "j"), "-s", "0123456789abcdef0123456789abcde"), "weaker than 128 bits"},
		{"secret with blanks", nil, local(filepath.Join(dir, "k"), "-s", strings.Repeat("0123456789 abcdef", 4)), "no blanks"},
		{"monotonous secret", nil, local(filepath.Join(dir, "l"), "-s", strings.Repeat("ab", 50)), "weaker than 128 bits"},
		{"no secret file", nil, local(filepath.Join(dir, "m"), "--cram-secret-file", file+"x"), "CRAM secret: open " + file + "x"},
		{"empty secret file", nil, local(filepath.Join(dir, "n"), "--cram-secret-file", file), "is empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := launch(t, test.env, test.args...)
			p.wantRefused(test.want)
			for i, arg := range test.args {
				if arg == "-s" && strings.Contains(p.stderr.String(), test.args[i+1]) {
					t.Error("it tells the secret")
				}
			}
		})
	}
}

// What the command line does not say is said in the words of the command line.
func TestUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"missing flags: --atsign": {"serve"},
		"unknown flag --nonsense": {"serve", "-a", "@alice", "--nonsense"},
		"unexpected argument":     {"serve", "-a", "@alice", "nonsense"},
		"expected a valid":        {"-a", "@alice", "-p", "many"},
	} {
		p := launch(t, nil, args...)
		if status := p.status(); status == 0 || !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%v: status %d, said %q", args, status, p.stderr.String())
		}
	}
	p := launch(t, nil, "--help")
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	for _, command := range []string{"serve", "directory", "health", "version"} {
		if !strings.Contains(p.stdout.String(), "\n  "+command) {
			t.Errorf("no help on %s", command)
		}
	}
}

// A folder is for one server, of one atSign.
func TestFolders(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serving(t, nil, local(data)...)
	launch(t, nil, local(data)...).wantRefused("open the database: " + filepath.Join(data, "store") + " is in use by another process\n")
	if got, _ := os.ReadFile(filepath.Join(data, "listen")); strings.TrimSpace(string(got)) != p.address() {
		t.Errorf("the folder says %q", got)
	}
	ask(t, p.client(data), "noop:0", "ok")
	p.stop()
	launch(t, nil, "serve", "-a", "@bob", "--listen", "127.0.0.1:0", "--data", data).wantRefused("@alice")
	serving(t, nil, local(data)...)
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(fmt.Sprint(signal), func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			p := serving(t, nil, local(data)...)
			p.wantLogged("Serving", 1)
			c := p.client(data)
			ask(t, c, "noop:0", "ok")
			p.signal(signal)
			if status := p.status(); status != 0 {
				t.Errorf("status %d", status)
			}
			p.wantLogged("Stopped", 1)
			if _, err := c.Ask(bounded(t), "noop:0"); err == nil {
				t.Error("the connection lives on")
			}
		})
	}
}

// Training is a start and an end, as the reference server can.
func TestTraining(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := launch(t, nil, local(data, "-t")...)
	if status := p.status(); status != 0 || !strings.Contains(p.stderr.String(), "Stopped") {
		t.Errorf("status %d", status)
	}
	serving(t, nil, local(data)...) // and the folder is as after any other start
}

func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key)
	p := serving(t, nil, local(filepath.Join(dir, "data"), "--cert", chain, "--key", key)...)
	p.wantLogged("Serving", 1)
	old, err := p.dial(chain)
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP) // nothing has changed, so it is the signal that makes it read
	p.wantLogged("Certificate loaded", 2)
	next := certificate(t, chain, key)
	p.signal(syscall.SIGHUP)
	p.wantLogged("Certificate loaded", 3)
	conn, err := tls.Dial("tcp", p.address(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !conn.ConnectionState().PeerCertificates[0].Equal(next) {
		t.Error("the certificate is the old one")
	}
	ask(t, old, "noop:0", "ok")
	writeFile(t, chain, "garbage")
	p.signal(syscall.SIGHUP)
	p.wantLogged("Certificate not reloaded", 1)
	ask(t, old, "noop:0", "ok")
	p.stop()
}

// The atSign may be written as people write it.
func TestAtSigns(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"alice", "@Alice", "@al.ice", "🛠"} {
		sign, err := atkey.ParseSign(typed)
		if err != nil {
			t.Fatal(err)
		}
		p := serving(t, nil, "-a", typed, "--listen", "127.0.0.1:0", "--data", t.TempDir(), "-t")
		if !strings.HasPrefix(p.stdout.String(), string(sign)+" is served at ") {
			t.Errorf("%s: %q", typed, p.stdout.String())
		}
	}
}
