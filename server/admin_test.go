package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/store"
)

// watched is a server with a door for whoever watches, and the door's address.
type watched struct {
	*box
	door string
}

func startWatched(t *testing.T, o Options) *watched {
	t.Helper()
	door, err := ListenAdmin("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Admin = door
	w := &watched{start(t, o), door.Addr().String()}
	eventually(t, func() bool { return w.deaf.Load() == nil })
	return w
}

// get asks the door, by a name for it.
func (w *watched) get(host, method, path, body string) (status int, answer string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.door+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Host, request.Close = host, true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

// readyz wants all parts to work but those that are given.
func (w *watched) readyz(broken ...string) {
	w.t.Helper()
	status, answer := w.get(w.door, "GET", "/readyz", "")
	var state Readiness
	if err := json.Unmarshal([]byte(answer), &state); err != nil {
		w.t.Fatal(err)
	}
	for _, of := range broken {
		if state.Checks[of] == "ok" || state.Checks[of] == "" {
			w.t.Errorf("%s: %q", of, state.Checks[of])
		}
		delete(state.Checks, of)
	}
	for of, text := range state.Checks {
		if text != "ok" {
			w.t.Errorf("%s: %s", of, text)
		}
	}
	if ready := len(broken) == 0; state.Ready != ready || (status == http.StatusOK) != ready || len(state.Checks)+len(broken) != 6 {
		w.t.Errorf("status %d: %s", status, answer)
	}
}

// metric is the value of a metric, NaN if there is none.
func (w *watched) metric(name string) string {
	w.t.Helper()
	status, answer := w.get(w.door, "GET", "/metrics", "")
	if status != http.StatusOK {
		w.t.Fatalf("status %d: %s", status, answer)
	}
	for line := range strings.Lines(answer) {
		if value, ok := strings.CutPrefix(line, "atserver_"+name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (w *watched) wantMetric(name, value string) {
	w.t.Helper()
	if got := w.metric(name); got != value {
		w.t.Errorf("%s is %q, want %s", name, got, value)
	}
}

func TestAdminIsForThisMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", ":1", "0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.org:1", "localhost.example.org:1", "127.0.0.1", "localhost", "/run/x", "unix",
	} {
		want := `admin address ` + strconv.Quote(address) + `: must be 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:PATH`
		if l, err := ListenAdmin(address); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v; want %s", address, l, err, want)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "127.9.9.9:0", "localhost:0"} {
		l, err := ListenAdmin(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			t.Errorf("%s is %v", address, ip)
		}
		if _, err := ListenAdmin(l.Addr().String()); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s again: %v", address, err)
		}
		l.Close()
	}
	w := startWatched(t, Options{})
	_, port, _ := net.SplitHostPort(w.door)
	for host, want := range map[string]int{
		w.door: http.StatusOK, "localhost:" + port: http.StatusOK, "localhost": http.StatusOK, "[::1]:" + port: http.StatusOK, "[::1]": http.StatusOK,
		"evil.example": http.StatusForbidden, "localhost.evil.example:" + port: http.StatusForbidden, "192.0.2.1": http.StatusForbidden,
	} {
		if status, answer := w.get(host, "GET", "/healthz", ""); status != want || status == http.StatusOK && answer != "ok\n" {
			t.Errorf("as %s: %d %s", host, status, answer)
		}
	}
}

// A socket takes the place of what a server left, of nothing else.
func TestAdminSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "admin.sock")
	l, err := ListenAdmin("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := ListenAdmin("unix:" + path); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("while it is in use: %v", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as if killed
	l.Close()
	if l, err = ListenAdmin("unix:" + path); err != nil {
		t.Fatal(err)
	}
	l.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"unix:" + file: "there is something else", "unix:" + dir: "there is something else",
		"unix:": "without a path", "unix:" + filepath.Join(dir, "none", "x"): "no such file",
	} {
		if _, err := ListenAdmin(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if raw, err := os.ReadFile(file); string(raw) != "x" {
		t.Errorf("the file is %q: %v", raw, err)
	}
}

// breakDisk makes syncs of a server fail until restore, at the latest until the test
// ends: the database could not be closed else.
func breakDisk(t *testing.T, dir string) (restore func()) {
	t.Helper()
	files := filepath.Join(dir, "store", "db")
	if err := errors.Join(os.Rename(files, files+".away"), os.WriteFile(files, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	restore = sync.OnceFunc(func() {
		if err := errors.Join(os.Remove(files), os.Rename(files+".away", files)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(restore)
	return restore
}

// A disk that fails: changes are refused, for none is kept without its audit entry;
// reads go on; the server says that it is not ready.
func TestNotReadyWhenTheDiskFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := startWatched(t, Options{Dir: dir})
	owner := w.owner()
	owner.ask("update:x.wavi@alice 1", "data:2\n@alice@")
	w.readyz()
	breakDisk(t, dir)
	owner.send("update:x.wavi@alice 2\n")
	if answer := owner.line(); !strings.HasPrefix(answer, "error:AT0010") {
		t.Errorf("update: %q", answer)
	}
	owner.want("@alice@")
	w.fault = store.ErrBroken
	w.readyz("store", "audit")
	w.wantMetric(`ready{check="audit"}`, "0")
	w.wantMetric(`ready{check="clock"}`, "1")
	owner.ask("noop:0", "data:ok\n@alice@")
	w.stranger().ask("scan", "data:[\"signing_publickey@alice\"]\n@")
}

func TestNotReadyByTheClock(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.put(newIssuer(t).issue("localhost"))
	w := startWatched(t, Options{CertFile: f.cert, KeyFile: f.key, Dir: t.TempDir()})
	until := w.certificates.validUntil()
	w.readyz()
	if err := w.db.Update(func(tx *store.Tx) error { return tx.Audit(store.Event{Actor: "server"}) }); err != nil {
		t.Fatal(err)
	}
	w.clock.add(-time.Minute)
	w.readyz()
	w.clock.add(-time.Millisecond)
	w.readyz("clock")
	w.clock.ms.Store(until.Add(time.Second).UnixMilli())
	w.readyz("certificate", "peer certificate")
	w.wantMetric(`certificate_expiry_timestamp_seconds{shown_to="clients"}`, strconv.FormatFloat(float64(until.Unix()), 'g', -1, 64))
}

// While commands under way are finished the door stays open and says that no more
// are taken, and then it is closed.
func TestNotReadyWhileItStops(t *testing.T) {
	t.Parallel()
	w := startWatched(t, Options{})
	c := w.stranger()
	c.send("noop:5000\n")
	w.wantBusy(1)
	ended := make(chan error, 1)
	go func() { ended <- w.end() }()
	eventually(t, func() bool { return w.deaf.Load() != nil })
	w.readyz("listener")
	c.want("data:ok\n")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.door); err == nil {
		t.Error("the door is still open")
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	level, err := NewLogLevel("SEVERE")
	if err != nil || level.String() != "error" {
		t.Fatal(level, err)
	}
	w := startWatched(t, Options{LogLevel: level})
	for _, test := range []struct {
		method, body string
		status       int
		answer       string
	}{
		{"GET", "", http.StatusOK, "error\n"},
		{"PUT", "debug", http.StatusOK, "debug\n"},
		{"PUT", "Info\n", http.StatusOK, "info\n"},
		{"PUT", "loud", http.StatusBadRequest, "unknown log level \"loud\": use debug, info, warn or error\n"},
		{"PUT", "", http.StatusBadRequest, "unknown log level \"\": use debug, info, warn or error\n"},
		{"PUT", strings.Repeat("x", 1000), http.StatusBadRequest, "http: request body too large\n"},
		{"POST", "debug", http.StatusMethodNotAllowed, "Method Not Allowed\n"},
		{"GET", "", http.StatusOK, "info\n"},
		{"PUT", "off", http.StatusOK, "disabled\n"},
	} {
		if status, answer := w.get(w.door, test.method, "/loglevel", test.body); status != test.status || answer != test.answer {
			t.Errorf("%s %.20q: %d %q", test.method, test.body, status, answer)
		}
	}
	if !strings.Contains(w.log.String(), `"log.level.before":"error","log.level":"debug","message":"Log level changed"`) {
		t.Error("nothing in the log")
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	w := startWatched(t, Options{})
	for path, want := range map[string]int{
		"/debug/pprof/": http.StatusOK, "/debug/pprof/heap": http.StatusOK, "/debug/pprof/goroutine?debug=1": http.StatusOK,
		"/debug/pprof/cmdline": http.StatusNotFound, // arguments may hold a secret
		"/debug/vars":          http.StatusNotFound,
		"/":                    http.StatusNotFound,
		"/loglevel":            http.StatusNotFound, // nobody can change it
	} {
		if status, answer := w.get(w.door, "GET", path, ""); status != want {
			t.Errorf("%s: %d %.100s", path, status, answer)
		}
	}
}
