package server

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"atserver/store"
	"atserver/verbs"
)

// What clients do is counted, under names that no client chooses.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := startWatched(t, Options{MaxConnections: 4, MaxPerAddress: 2, Dir: t.TempDir()})
	w.wantMetric(`commands_total{outcome="ok",verb="noop"}`, "0")
	owner := w.owner()
	owner.ask("update:x.wavi@alice 1", "data:2\n@alice@")
	owner.ask("noop:0", "data:ok\n@alice@")
	owner.send("secretverb:1\nllookup:none.wavi@alice\n")
	for range 2 {
		if line := owner.line(); !strings.HasPrefix(line, "error:AT") {
			t.Errorf("got %q", line)
		}
		owner.want("@alice@")
	}
	owner.send("monitor\n")
	other := w.stranger()
	w.refused(dialing{})
	eventually(t, func() bool { return w.metric("monitors") == "1" })
	for name, value := range map[string]string{
		`commands_total{outcome="ok",verb="noop"}`:          "1",
		`commands_total{outcome="ok",verb="update"}`:        "1",
		`commands_total{outcome="AT0003",verb="unknown"}`:   "1",
		`commands_total{outcome="AT0015",verb="llookup"}`:   "1",
		`command_seconds_count{verb="noop"}`:                "1",
		`command_seconds_bucket{verb="noop",le="+Inf"}`:     "1",
		`connections_accepted_total`:                        "3",
		`connections_refused_total{reason="address"}`:       "1",
		`connections_refused_total{reason="full"}`:          "0",
		`connections_ended_total{reason="full"}`:            "1",
		`connections_open{kind="cram"}`:                     "1",
		`connections_open{kind="anonymous"}`:                "1",
		`connections_limit`:                                 "4",
		`enrollments{status="approved"}`:                    "0",
		`line_budget_free_bytes`:                            "3.3554432e+07",
		`peer_connections{pool="apps"}`:                     "0",
		`notifications_queued`:                              "0",
		`ready{check="listener"}`:                           "1",
		`notifications_sent_total{result="delivered"}`:      "0",
		`peer_requests_total{pool="notifications"}`:         "0",
		`outbox_recipients{state="waiting"}`:                "0",
		`connections_ended_total{reason="client gone"}`:     "0",
		`connections_ended_total{reason="slow monitor"}`:    "0",
		`certificate_expiry_timestamp_seconds{shown_to=""}`: "",
	} {
		w.wantMetric(name, value)
	}
	for _, name := range []string{"store_syncs_total", "store_group_updates_count", "audit_entries_total", "received_bytes_total", "sent_bytes_total"} {
		if value := w.metric(name); value == "" || value == "0" {
			t.Errorf("%s is %q", name, value)
		}
	}
	if err := w.db.Update(func(tx *store.Tx) error { return tx.Audit(store.Event{Actor: "server"}) }); err != nil {
		t.Fatal(err)
	}
	if _, all := w.get(w.door, "GET", "/metrics", ""); strings.Contains(all, "secretverb") || strings.Contains(all, "wavi") {
		t.Error("what a client said is in the metrics")
	}
	owner.Close()
	other.Close()
	w.wantTaken(0, 0)
	eventually(t, func() bool { return w.metric(`monitors`) == "0" })
}

// A figure that cannot be taken leaves the others.
func TestMetricsOfBrokenDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := startWatched(t, Options{Dir: dir})
	restore := breakDisk(t, dir)
	w.wantMetric(`store_bytes{part="tables"}`, "")
	w.wantMetric(`connections_accepted_total`, "0")
	w.wantMetric(`ready{check="store"}`, "1") // nobody has written
	restore()
	w.wantMetric(`store_bytes{part="tables"}`, "0")
}

// The log has one line of a connection at level info, at its end.
func TestOneLineOfEachConnection(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	first := b.firstApp()
	b.wantTaken(0, 0)
	before := len(b.log.String())
	c := b.as(first)
	c.ask("noop:0", "data:ok\n@alice@")
	c.ask("update:note.wavi@alice thevalue", "data:2\n@alice@")
	b.clock.add(90 * time.Second)
	c.Close()
	b.wantTaken(0, 0)
	var lines []string
	eventually(t, func() bool {
		lines = nil
		for line := range strings.Lines(b.log.String()[before:]) {
			if strings.Contains(line, `"level":"info"`) {
				lines = append(lines, line)
			}
		}
		return len(lines) > 0
	})
	want := regexp.MustCompile(`^\{"level":"info","conn.id":\d+,"conn.from":"127.0.0.1","conn.kind":"app","enroll.id":"` + first.id +
		`","duration.ms":90000,"commands":4,"bytes.in":\d{2,4},"bytes.out":\d{2,4},"close.reason":"client gone","message":"Connection ended"\}\n$`)
	if len(lines) != 1 || !want.MatchString(lines[0]) {
		t.Errorf("%q", lines)
	}
}

// Who is warned of the end of a certificate is told twice, and once when it is there.
func TestCertificateIsWarnedOf(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.put(newIssuer(t).issue("localhost"))
	b := start(t, Options{CertFile: f.cert, KeyFile: f.key})
	warned := func() (lines []string) {
		for line := range strings.Lines(b.log.String()) {
			if strings.Contains(line, "Certificate expires soon") || strings.Contains(line, "Certificate has expired") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	const day = 24 * time.Hour
	until := b.certificates.validUntil()
	for _, step := range []struct {
		left time.Duration
		want int
		says string
	}{
		{30*day + time.Minute, 0, ""},
		{30*day - time.Minute, 1, `"level":"warn","file":"` + f.cert + `","valid.until":"` + until.Format(time.RFC3339) + `","days.left":29,`},
		{20 * day, 1, ""},
		{7*day - time.Minute, 2, `"level":"warn"`},
		{6 * day, 2, ""},
		{-time.Minute, 3, `"level":"error"`},
		{-day, 3, ""},
	} {
		b.clock.ms.Store(until.Add(-step.left).UnixMilli())
		b.step(0)
		lines := warned()
		if len(lines) != step.want || step.says != "" && !strings.Contains(lines[len(lines)-1], step.says) {
			t.Errorf("%v left: %q", step.left, lines)
		}
	}
	f.put(newIssuer(t).issue("localhost"))
	b.clock.ms.Store(time.Now().UnixMilli())
	b.ReloadCertificates()
	b.step(0)
	if lines := warned(); len(lines) != 3 {
		t.Errorf("of a new one: %q", lines[3:])
	}
}

// Connections and monitors leave no goroutine behind, however they end.
func TestNoGoroutineIsLeft(t *testing.T) { // alone: it looks at all of them
	b := start(t, Options{MaxConnections: 40, MaxPerAddress: 40})
	ours := func() int {
		var stacks bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&stacks, 2); err != nil {
			t.Fatal(err)
		}
		n := 0
		for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
			if strings.Contains(stack, "server.(*conn)") {
				n++
			}
		}
		return n
	}
	if n := ours(); n != 0 {
		t.Fatalf("%d before the first connection", n)
	}
	for round := range 3 {
		var clients []*client
		for i := range 10 {
			c := b.owner()
			if i%2 == 0 {
				c.send("monitor\nmonitor:multiplexed\n")
			}
			clients = append(clients, c, b.stranger())
		}
		if n := ours(); n < 20 {
			t.Errorf("round %d: %d with 20 connections", round, n)
		}
		for i, c := range clients {
			switch i % 3 {
			case 0:
				c.Close()
			case 1:
				c.raw.Close()
			default:
				c.send("@exit\n")
			}
		}
		b.wantTaken(0, 0)
		eventually(t, func() bool { return ours() == 0 })
		if monitors, _ := b.hub.Watched(); monitors != 0 {
			t.Errorf("round %d: %d monitors are left", round, monitors)
		}
	}
}

// What a noop costs to count.
func BenchmarkCounting(b *testing.B) {
	m := newMetrics(verbs.Standard().Names())
	b.ReportAllocs()
	for b.Loop() {
		begun := time.Now()
		m.executed("noop", time.Since(begun), nil)
		m.received.Add(7)
		m.sent.Add(15)
	}
}

// The log fields in the README are those that the server has, and the other way round.
func TestFieldsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(readme), "| field | |\n|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("the README has no table of fields")
	}
	var told []string
	for row := range strings.Lines(table) {
		names, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for name := range strings.SplitSeq(names, ",") {
			told = append(told, strings.Trim(strings.TrimSpace(name), "`"))
		}
	}
	ours := []string{"level", "time", "message", "error"} // zerolog's own
	constants, err := os.ReadFile("fields.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\tfield\w+ += "([a-z.]+)"$`).FindAllStringSubmatch(string(constants), -1) {
		ours = append(ours, m[1])
	}
	literal := regexp.MustCompile(`\.(?:Str|Strs|Stringer|Int|Int64|Uint64|Time|Dur|Bool|Interface|Any|Bytes)\("([a-zA-Z.]+)"`)
	for _, folder := range []string{"../store", "../enroll", "../verbs", ".", "peer", "notify", "directory", "../cmd/atserver"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range literal.FindAllSubmatch(raw, -1) {
				ours = append(ours, string(m[1]))
			}
		}
	}
	slices.Sort(ours)
	ours = slices.Compact(ours)
	slices.Sort(told)
	if !slices.Equal(ours, told) {
		t.Errorf("the README tells of\n%q, there are\n%q", told, ours)
	}
}
