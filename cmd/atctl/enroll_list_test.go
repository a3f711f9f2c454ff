package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

var now = time.Date(2026, 10, 2, 12, 0, 0, 0, time.UTC)

var someEnrollments = []atauth.Enrollment{{
	ID: "0b9e4c1e-0000-4000-8000-000000000001", App: "first", Device: "phone", Status: "approved",
	Namespaces:  map[string]string{"*": "rw", "__manage": "rw"},
	RequestedAt: now.AddDate(0, -2, 0), RequestedFrom: "192.0.2.1", DecidedAt: now.AddDate(0, -2, 0), DecidedBy: "cram",
}, {
	ID: "7c1d0000-0000-4000-8000-000000000002", App: "todos", Device: "desk", Status: "approved",
	Namespaces: map[string]string{"todos": "rw", "notes": "r"}, Lifetime: 720 * 3600 * 1000,
	RequestedAt: now.Add(-26 * time.Hour), RequestedFrom: "2001:db8::1",
	DecidedAt: now.Add(-25 * time.Hour), DecidedBy: "0b9e4c1e-0000-4000-8000-000000000001", ExpiresAt: now.Add(719 * time.Hour),
}, {
	ID: "7c1d0000-ffff-4000-8000-000000000003", App: "evil\x1b[2J\napp", Device: "tv", Status: "pending",
	Namespaces: map[string]string{"todos": "rw"}, RequestedAt: now.Add(-42 * time.Second), ExpiresAt: now.Add(48 * time.Hour),
}, {
	ID: "9a000000-0000-4000-8000-000000000004", App: "old", Device: "tab", Status: "revoked", Namespaces: map[string]string{"old": "r"},
	DecidedAt: now.Add(-90 * time.Minute), DecidedBy: "operator",
	RevokedAt: now.Add(-time.Minute), RevokedBy: "ffffffff-0000-4000-8000-000000000009",
}}

func TestListTable(t *testing.T) {
	var rows [][]string
	for _, e := range someEnrollments {
		rows = append(rows, row(e, someEnrollments, now))
	}
	head := []string{"ID", "APP", "DEVICE", "NAMESPACES", "STATUS", "REQUESTED", "DECIDED", "EXPIRES"}
	for width, want := range map[int]string{0: `
ID          APP                DEVICE  NAMESPACES        STATUS    REQUESTED                 DECIDED              EXPIRES
0b9e4c1e    first              phone   *:rw __manage:rw  approved  61d ago from 192.0.2.1    61d ago by cram      never
7c1d0000-0  todos              desk    notes:r todos:rw  approved  26h ago from 2001:db8::1  25h ago by 0b9e4c1e  in 29d
7c1d0000-f  evil\u001b[2J app  tv      todos:rw          pending   42s ago                                        in 2d
9a000000    old                tab     old:r             revoked   ?                         1m ago by ffffffff   never
`, 80: `
ID         APP        DEVICE  NAMESPAC…  STATUS    REQUESTED  DECIDED    EXPIRES
0b9e4c1e   first      phone   *:rw __m…  approved  61d ago …  61d ago …  never
7c1d0000…  todos      desk    notes:r …  approved  26h ago …  25h ago …  in 29d
7c1d0000…  evil\u00…  tv      todos:rw   pending   42s ago               in 2d
9a000000   old        tab     old:r      revoked   ?          1m ago b…  never
`} {
		var out bytes.Buffer
		con := console.Console{Out: &out, Shown: width > 0, Width: width}
		if err := con.Table(head, rows); err != nil {
			t.Fatal(err)
		}
		if out.String() != want[1:] {
			t.Errorf("%d columns:\n%s\nwant:\n%s", width, out.String(), want)
		}
	}
}

func TestPick(t *testing.T) {
	for text, want := range map[string]int{
		"0b9e4c1e-0000-4000-8000-000000000001": 0, "0B9E": 0, " 0b9e ": 0, "0": 0, "7c1d0000-0": 1, "7c1d0000-f": 2, "9a": 3,
	} {
		if e, err := pick(text, someEnrollments); err != nil || e.ID != someEnrollments[want].ID {
			t.Errorf("%q: %s, %v", text, e.ID, err)
		}
	}
	for text, code := range map[string]int{"": exitNotFound, "x": exitNotFound, "0b9f": exitNotFound, "7c1d": exitUsage} {
		e, err := pick(text, someEnrollments)
		if got, _ := explain(err); err == nil || got != code {
			t.Errorf("%q: %s, %v, exit code %d", text, e.ID, err, got)
		}
	}
	longer := append([]atauth.Enrollment{{ID: "0b9e"}}, someEnrollments...)
	if e, err := pick("0b9e", longer); err != nil || e.ID != "0b9e" {
		t.Errorf("an id that begins another: %s, %v", e.ID, err)
	}
}

func TestShort(t *testing.T) {
	for id, want := range map[string]string{
		"0b9e4c1e-0000-4000-8000-000000000001": "0b9e4c1e", "7c1d0000-0000-4000-8000-000000000002": "7c1d0000-0",
		"7c1d0000-ffff-4000-8000-000000000003": "7c1d0000-f", "abc": "abc", "": "",
	} {
		if got := short(id, someEnrollments); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	for want, e := range map[string]atauth.Enrollment{
		`todos on desk asks for access to @alice:
  read notes
  read and write todos
for 30d, requested 26h ago from 2001:db8::1
id 7c1d0000-0000-4000-8000-000000000002`: someEnrollments[1],
		`evil\u001b[2J app on tv asks for access to @alice:
  read and write todos
until it is revoked, requested 42s ago
id 7c1d0000-ffff-4000-8000-000000000003`: someEnrollments[2],
		`first on phone asks for access to @alice:
  read and write EVERYTHING, in every namespace
  LET APPS IN and revoke them (__manage)
until it is revoked, requested 61d ago from 192.0.2.1
id 0b9e4c1e-0000-4000-8000-000000000001`: someEnrollments[0],
	} {
		if got := describe("@alice", e, now); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if got := access("__manage", "r"); !strings.Contains(got, "fewer rights") {
		t.Errorf("__manage:r: %s", got)
	}
	if got := access("a\nb", "x\n"); got != "x  a b" {
		t.Errorf("odd names: %q", got)
	}
}

func TestSpans(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Minute: "1m", 61 * time.Second: "61s", 119 * time.Second: "119s",
		2 * time.Minute: "2m", time.Hour: "1h", 90 * time.Minute: "90m", 47 * time.Hour: "47h", day: "1d", 30 * day: "30d", 365 * day: "1y", 1000 * day: "2y",
	} {
		if got := console.Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	for want, at := range map[string]time.Time{"?": {}, "0s ago": now, "in 2h": now.Add(2 * time.Hour), "3d ago": now.Add(-3 * day)} {
		if got := console.When(at, now); got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
}

func TestWaiting(t *testing.T) {
	var errs bytes.Buffer
	con := &console.Console{Err: &errs}
	progress, done := waiting(con)
	for _, state := range []string{atauth.Undecided, atauth.Undecided, atauth.Unreachable, atauth.Undecided} {
		progress(state)
	}
	done()
	if want := atauth.Undecided + "\n" + atauth.Unreachable + "\n" + atauth.Undecided + "\n"; errs.String() != want {
		t.Errorf("into a file: %q, want %q", errs.String(), want)
	}

	pipe, writer := io.Pipe()
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(pipe)
		shown <- string(text)
	}()
	con = &console.Console{Err: writer, Watched: true}
	progress, done = waiting(con)
	progress(atauth.Undecided)
	done()
	writer.CloseWithError(errors.New("closed"))
	if text := <-shown; !strings.Contains(text, atauth.Undecided) || !strings.Contains(text, "[0s]") || !strings.HasSuffix(text, "\r") {
		t.Errorf("on a terminal: %q", text)
	}
}
