package main_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"atserver/server"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := []string{"XDG_DATA_HOME=" + home}
	data := filepath.Join(home, "atserver", "@alice")
	ways := map[string][]string{
		"by atSign": {"health", "-a", "@Alice"},
		"by folder": {"health", "--data", data},
	}
	for _, args := range ways {
		launch(t, env, args...).wantRefused("no server uses this data folder")
	}
	p := serving(t, env, "-a", "@alice", "--listen", "127.0.0.1:0")
	ways["by address"] = []string{"health", "--address", p.address()}
	for name, args := range ways {
		h := launch(t, env, args...)
		if status := h.status(); status != 0 || h.stdout.String() != "healthy\n" || h.stderr.String() != "" {
			t.Errorf("%s: status %d, %q, %q", name, status, h.stdout.String(), h.stderr.String())
		}
	}
	p.stop()
	for _, args := range ways {
		launch(t, env, args...).wantRefused("not healthy")
	}
	launch(t, env, "health").wantRefused("no server given")
}

func TestHealthOfADirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	health := []string{"health", "--directory", "--data", data}
	launch(t, nil, health...).wantRefused("no server uses this data folder")
	d := serving(t, nil, "directory", "--listen", "127.0.0.1:0", "--data", data)
	if h := launch(t, nil, health...); h.status() != 0 || h.stdout.String() != "healthy\n" {
		t.Errorf("said %q", h.stderr.String())
	}
	d.stop()
	launch(t, nil, health...).wantRefused("not healthy")
	s := serving(t, nil, local(t.TempDir())...)
	launch(t, nil, "health", "--directory", "--address", s.address()).wantRefused("not healthy")
}

// A server that listens everywhere is asked on loopback.
func TestHealthOfAllInterfaces(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, listen := range []string{"0.0.0.0:12", "[::]:12"} {
		writeFile(t, filepath.Join(data, "listen"), listen+"\n")
		launch(t, nil, "health", "--data", data).wantRefused("127.0.0.1:12")
	}
	writeFile(t, filepath.Join(data, "listen"), "nonsense\n")
	launch(t, nil, "health", "--data", data).wantRefused("address in the data folder")
}

// What answers but is no healthy atServer is not healthy.
func TestHealthOfSomethingElse(t *testing.T) {
	t.Parallel()
	d := serving(t, nil, "directory", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	for name, address := range map[string]string{
		"directory": d.address(), "something that says no": answering(t, "@", "data:no\n@"), "something that is full": answering(t, "error:AT0012-full\n", ""),
	} {
		h := launch(t, nil, "health", "--address", address)
		if h.wantRefused("not healthy"); strings.Contains(h.stderr.String(), "%!") {
			t.Errorf("%s: said %q", name, h.stderr.String())
		}
	}
}

// What is ready says so where it is watched; what does not work is told.
func TestHealthWhetherReady(t *testing.T) {
	t.Parallel()
	launch(t, nil, "health", "--ready").wantRefused("ATSERVER_ADMIN")
	if p := launch(t, nil, "health", "--ready", "--directory"); p.status() != 2 {
		t.Error("a directory is asked whether it is ready")
	}
	socket := filepath.Join(t.TempDir(), "admin")
	env := []string{"ATSERVER_ADMIN=unix:" + socket}
	launch(t, env, "health", "--ready").wantRefused("not ready")
	p := serving(t, env, local(t.TempDir())...)
	if h := launch(t, env, "health", "--ready"); h.status() != 0 || h.stdout.String() != "ready\n" {
		t.Errorf("%q %q", h.stdout.String(), h.stderr.String())
	}
	p.stop()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, `{"ready":false,"path":"`+r.URL.Path+`"}`, http.StatusServiceUnavailable)
	}))
	t.Cleanup(broken.Close)
	launch(t, nil, "health", "--ready", "--admin", broken.Listener.Addr().String()).wantRefused(`not ready: {"ready":false,"path":"/readyz"}`)
}

// answering listens until the test ends, greets and gives one answer.
func answering(t *testing.T, greeting, answer string) (address string) {
	t.Helper()
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key)
	pair, err := tls.LoadX509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, greeting)
		if _, err := conn.Read(make([]byte, 64)); err == nil {
			io.WriteString(conn, answer)
		}
	}()
	return l.Addr().String()
}

func TestVersion(t *testing.T) {
	t.Parallel()
	p := launch(t, nil, "version")
	want := regexp.MustCompile(`^atserver \S+, protocol as of ` + regexp.QuoteMeta(server.ProtocolVersion) + `, go1\.\S+\n$`)
	if status := p.status(); status != 0 || !want.MatchString(p.stdout.String()) || p.stderr.String() != "" {
		t.Errorf("status %d, %q", status, p.stdout.String())
	}
}
