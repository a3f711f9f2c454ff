package main_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// watcher asks the door by which a server is watched.
type watcher struct {
	t    *testing.T
	http http.Client
}

func watch(t *testing.T, socket string) *watcher {
	w := &watcher{t: t}
	w.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(w.http.CloseIdleConnections)
	return w
}

// ask sends a request, wants a status and returns what is answered.
func (w *watcher) ask(method, path, body string, status int) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(bounded(w.t), method, "http://watched"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := w.http.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		w.t.Fatalf("%s %s: %d %s, %v; want %d", method, path, response.StatusCode, raw, err, status)
	}
	return string(raw)
}

// A process is watched: it is ready, its log level changes while it runs, and what the rules, the dashboard and the
// README speak of is what it tells.
func TestWatched(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	socket := filepath.Join(data, "admin.sock")
	p := serving(t, nil, local(data, "--admin", "unix:"+socket)...)
	w := watch(t, socket)
	if got := mode(t, socket); got.Perm() != 0o600 {
		t.Errorf("mode of the socket: %v", got)
	}
	eventually(t, func() bool { // it listens before it is open
		response, err := w.http.Get("http://watched/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	c := p.client(data)
	ask(t, c, "noop:0", "ok")
	if strings.Contains(p.stderr.String(), `"level":"debug"`) {
		t.Error("the log is at level debug")
	}
	w.ask("PUT", "/loglevel", "debug\n", http.StatusOK)
	ask(t, c, "noop:0", "ok")
	eventually(t, func() bool {
		return strings.Contains(p.stderr.String(), `"verb":"noop","outcome":"ok"`)
	})
	metrics := exposed(w.ask("GET", "/metrics", "", http.StatusOK))
	if !metrics.has("atserver_commands_total", "verb", "noop") || !metrics.has("go_goroutines", "", "") {
		t.Fatal("there are no metrics to compare with")
	}
	alerts := readAlerts(t)
	for _, alert := range alerts {
		metrics.check(t, "alert "+alert.Alert, alert.Expr)
	}
	for title, expressions := range readDashboard(t) {
		for _, expression := range expressions {
			metrics.check(t, "panel "+title, expression)
		}
	}
	readme := documentation(t)
	told := regexp.MustCompile("(?m)^\\| `(atserver_[a-z_]+)`").FindAllStringSubmatch(readme, -1)
	for _, name := range told {
		if _, ok := metrics[name[1]]; !ok {
			t.Errorf("README: there is no metric %s", name[1])
		}
	}
	for name := range metrics {
		if strings.HasPrefix(name, "atserver_") && !slices.ContainsFunc(told, func(n []string) bool { return n[1] == name }) {
			t.Errorf("README: nothing about the metric %s", name)
		}
	}
	for _, alert := range alerts {
		if !strings.Contains(readme, "`"+alert.Alert+"`") {
			t.Errorf("README: nothing about the alert %s", alert.Alert)
		}
	}
	p.stop()
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket is still there")
	}
}

func TestAdminElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":9464", "0.0.0.0:9464", "192.0.2.1:9464", "example.org:9464"} {
		launch(t, nil, local(t.TempDir(), "--admin", address)...).wantRefused(
			`admin address "` + address + `": must be 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:PATH`)
	}
}

// series are the metrics of a process: by their names, the values of their labels by theirs.
type series map[string]map[string][]string

var (
	described = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	exposedAs = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? \S+$`)
	label     = regexp.MustCompile(`([a-z_]+)(=~|!=|=)"([^"]*)"`)
	suffix    = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// exposed reads what Prometheus would. A histogram has its own name, that of its parts has nothing behind it.
func exposed(text string) series {
	all, histograms := series{}, map[string]bool{}
	for _, d := range described.FindAllStringSubmatch(text, -1) {
		all[d[1]] = map[string][]string{}
		histograms[d[1]] = d[2] == "histogram"
	}
	for _, s := range exposedAs.FindAllStringSubmatch(text, -1) {
		name := s[1]
		if base := suffix.ReplaceAllString(name, ""); histograms[base] {
			name = base
		}
		for _, l := range label.FindAllStringSubmatch(s[2], -1) {
			if all[name] != nil {
				all[name][l[1]] = append(all[name][l[1]], l[3])
			}
		}
	}
	return all
}

func (s series) has(name, label, value string) bool {
	labels, ok := s[name]
	return ok && (label == "" || slices.Contains(labels[label], value))
}

// mentioned matches a metric with what is wanted of its labels.
var mentioned = regexp.MustCompile(`\b((?:atserver|go|process)_[a-z_]+)(?:\{([^}]*)\})?`)

// check fails for what an expression wants of a metric that there is not.
func (s series) check(t *testing.T, where, expression string) {
	t.Helper()
	found := mentioned.FindAllStringSubmatch(expression, -1)
	if len(found) == 0 && !strings.HasPrefix(expression, "up{") {
		t.Errorf("%s: no metric in %s", where, expression)
	}
	for _, m := range found {
		name := m[1]
		if base := suffix.ReplaceAllString(name, ""); s[name] == nil && s[base] != nil {
			name = base
		}
		if s[name] == nil {
			t.Errorf("%s: there is no metric %s", where, m[1])
			continue
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if l[1] == "instance" || l[1] == "job" { // of Prometheus
				continue
			}
			for value := range strings.SplitSeq(l[3], "|") {
				if !s.has(name, l[1], value) {
					t.Errorf("%s: %s never has %s %q", where, name, l[1], value)
				}
			}
		}
	}
}

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// readAlerts reads the rules, each complete.
func readAlerts(t *testing.T) (all []alert) {
	t.Helper()
	file, err := os.Open("ops/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rules struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	if err := decoder.Decode(&rules); err != nil || len(rules.Groups) != 1 {
		t.Fatalf("%+v, %v", rules, err)
	}
	for _, a := range rules.Groups[0].Rules {
		severity := a.Labels["severity"]
		if a.Alert == "" || a.Annotations["summary"] == "" || !slices.Contains([]string{"info", "warning", "critical"}, severity) {
			t.Errorf("incomplete: %+v", a)
		}
		if slices.ContainsFunc(all, func(b alert) bool { return a.Alert == b.Alert }) {
			t.Errorf("%s is there twice", a.Alert)
		}
		all = append(all, a)
	}
	return all
}

// readDashboard returns the expressions of each panel.
func readDashboard(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile("ops/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID          int
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	all, ids := map[string][]string{}, map[int]bool{}
	for _, panel := range board.Panels {
		if ids[panel.ID] || panel.Title == "" || all[panel.Title] != nil || panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("panel %d %q", panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			all[panel.Title] = append(all[panel.Title], target.Expr)
		}
	}
	return all
}

// documentation is the README.
func documentation(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
