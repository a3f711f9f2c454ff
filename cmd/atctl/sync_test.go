package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atserver/cmd/console"
)

// entries reads what sync printed.
func entries(t *testing.T, out string) (list []entry) {
	t.Helper()
	for line := range strings.Lines(out) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

// named returns the keys of entries that belong to a namespace.
func named(list []entry, namespace string) string {
	var keys []string
	for _, e := range list {
		if strings.Contains(e.Key, "."+namespace+"@") {
			keys = append(keys, e.Operation+e.Key)
		}
	}
	return strings.Join(keys, " ")
}

func TestSync(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "", "put", "a.test", "1", "--public")
	p.ok(t, "", "put", "b.test", "2", "--ttl=1h")
	p.ok(t, "", "put", "c.other", "3")
	p.ok(t, "", "put", "a.test", "<4>", "--public")
	p.ok(t, "", "put", "d.test", "5")
	p.ok(t, "", "delete", "d.test")

	list := entries(t, p.ok(t, "", "sync"))
	if got := named(list, "test"); got != "*b.test@alice *public:a.test@alice -d.test@alice" {
		t.Errorf("entries: %s", got)
	}
	for i, e := range list {
		if i > 0 && e.Commit <= list[i-1].Commit {
			t.Errorf("entry %d is not in order", i)
		}
		if (e.Operation == deleted) != (e.Metadata == nil) || (e.Operation == deleted) != (e.Value == nil) {
			t.Errorf("%+v", e)
		}
		if e.Key == "public:a.test@alice" && (*e.Value != "<4>" || e.Metadata.DataSignature == "" || *e.Metadata.Version != 1) {
			t.Errorf("%+v", e)
		}
	}
	last := list[len(list)-1].Commit
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"some":      {[]string{`^b\.test`}, "*b.test@alice"},
		"the rest":  {[]string{fmt.Sprintf("--from=%d", last-1)}, "-d.test@alice"},
		"nothing":   {[]string{fmt.Sprintf("--from=%d", last)}, ""},
		"too far":   {[]string{"--from=1000000"}, ""},
		"all of it": {[]string{"--from=-1", `\.test`}, "*b.test@alice *public:a.test@alice -d.test@alice"},
	} {
		if got := named(entries(t, p.ok(t, "", append([]string{"sync"}, c.args...)...)), "test"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSyncState(t *testing.T) {
	p := onboarded(t)
	file := filepath.Join(t.TempDir(), "state")
	p.ok(t, "", "put", "a.test", "1")
	if got := named(entries(t, p.ok(t, "", "sync", "--state", file)), "test"); got != "*a.test@alice" {
		t.Errorf("first run: %s", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state: %v, %v", info, err)
	}
	if out := p.ok(t, "", "sync", "--state", file); out != "" {
		t.Errorf("nothing new: %s", out)
	}
	p.ok(t, "", "put", "b.test", "1")
	if got := named(entries(t, p.ok(t, "", "sync", "--state", file)), "test"); got != "*b.test@alice" {
		t.Errorf("later: %s", got)
	}
	if got := named(entries(t, p.ok(t, "", "sync", "--state", file, "--from=-1")), "test"); got != "*a.test@alice *b.test@alice" {
		t.Errorf("all over again: %s", got)
	}
	if _, errs, code := p.ctl(t, "", "sync", "--state", file, "other"); code != exitUsage {
		t.Errorf("state of another mirror: exit code %d, %s", code, errs)
	}
	if err := os.WriteFile(file, []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := p.ctl(t, "", "sync", "--state", file); code != exitFailed || !strings.Contains(errs, "no state") {
		t.Errorf("bad state: exit code %d, %s", code, errs)
	}
}

// The server of 2024 sends short pages, and empty ones although more follows.
func TestSyncWithOldServer(t *testing.T) {
	p := onboarded(t)
	var log []oldEntry
	for i := range 200 {
		e := oldEntry{id: 3 * i, key: fmt.Sprintf("k%d.test@alice", i), value: "v", meta: map[string]string{"version": "0"}}
		if i >= 5 && i < 75 || i >= 150 {
			e.key = ""
		}
		log = append(log, e)
	}
	s := openOldServer(t, p, log...)
	if list := entries(t, p.ok(t, "", "sync", "--server", s.address)); len(list) != 80 || list[5].Key != "k75.test@alice" {
		t.Errorf("%d entries", len(list))
	}
	if list := entries(t, p.ok(t, "", "sync", "--server", s.address, "k1[0-9]*\\.")); len(list) != 51 {
		t.Errorf("%d entries match", len(list))
	}
	s.answers = map[string]string{"sync:from:": `data:[{"atKey":"k@alice","commitId":-1,"operation":"*"}]`}
	if _, errs, code := p.ctl(t, "", "sync", "--server", s.address); code != exitFailed || !strings.Contains(errs, "order") {
		t.Errorf("not in order: exit code %d, %s", code, errs)
	}
}

// follower is atctl that runs until it is interrupted.
type follower struct {
	lines     *bufio.Scanner
	interrupt func()
	code      chan int
	errs      bytes.Buffer // read it after the end
}

func (p *place) follow(t *testing.T, args ...string) *follower {
	t.Helper()
	return background(t, append([]string{"--atsign=@alice", "--ca=" + p.ca, "sync", "--follow", "--every=1ms"}, args...)...)
}

func background(t *testing.T, args ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	f := &follower{lines: bufio.NewScanner(r), interrupt: cancel, code: make(chan int, 1)}
	go func() {
		f.code <- run(ctx, args, &console.Console{In: strings.NewReader(""), Out: w, Err: &f.errs})
		w.Close()
	}()
	t.Cleanup(func() { cancel(); r.Close() })
	return f
}

// until reads entries up to that of a key.
func (f *follower) until(t *testing.T, key string) {
	t.Helper()
	for f.lines.Scan() {
		if entries(t, f.lines.Text()+"\n")[0].Key == key {
			return
		}
	}
	t.Fatalf("ended before %s: %s", key, f.errs.String())
}

func (f *follower) end(t *testing.T) {
	t.Helper()
	f.interrupt()
	if code := <-f.code; code != 0 {
		t.Errorf("exit code %d, %s", code, f.errs.String())
	}
}

func TestFollow(t *testing.T) {
	p := onboarded(t)
	state := filepath.Join(t.TempDir(), "state")
	p.ok(t, "", "put", "a.test", "1")
	f := p.follow(t, "--server", p.server, "--state", state)
	f.until(t, "a.test@alice")
	p.ok(t, "", "put", "b.test", "1")
	f.until(t, "b.test@alice")
	p.ok(t, "", "put", "a.test", "2")
	f.until(t, "a.test@alice")
	f.end(t)
	if f.errs.Len() > 0 {
		t.Errorf("said %s", f.errs.String())
	}
	p.ok(t, "", "put", "c.test", "1")
	f = p.follow(t, "--server", p.server, "--state", state)
	f.until(t, "c.test@alice")
	f.end(t)
}

func TestFollowGoesOn(t *testing.T) {
	p := onboarded(t)
	entry := func(id int) oldEntry { return oldEntry{id: id, key: fmt.Sprintf("k%d.test@alice", id), value: "v"} }
	s := openOldServer(t, p, entry(0))
	f := p.follow(t, "--server", s.address)
	for i := range 3 {
		f.until(t, entry(i).key)
		s.drop()
		s.commit(entry(i + 1))
	}
	f.until(t, entry(3).key)
	f.end(t)
	if says := f.errs.String(); !strings.Contains(says, "trying again") {
		t.Errorf("said %q", says)
	}
	// What will not pass ends it.
	s.mu.Lock()
	s.answers = map[string]string{"stats": "error:AT0027:enrollment_id: 0b9e is revoked"}
	s.mu.Unlock()
	if code := <-p.follow(t, "--server", s.address).code; code != exitUnauthorised {
		t.Errorf("revoked: exit code %d", code)
	}
}

// An app that is revoked stops, and says why.
func TestFollowEndsWithTheEnrollment(t *testing.T) {
	p := onboarded(t)
	device := t.TempDir()
	id := p.request(t, device, "--app=todos", "--device=desk", "--ns=todos:rw")
	p.ok(t, "", "enroll", "approve", "--yes", id)
	p.on(t, device, func() { p.ok(t, "", "enroll", "request", "--app=todos", "--device=desk") })
	p.ok(t, "", "put", "milk.todos", "1")
	f := p.follow(t, "--server", p.server, "--keys", filepath.Join(device, ".atsign", "keys", "@alice_todos_desk_key.atKeys"))
	f.until(t, "milk.todos@alice")
	p.ok(t, "", "enroll", "revoke", id)
	if code := <-f.code; code != exitUnauthorised || !strings.Contains(f.errs.String(), "AT0027") {
		t.Errorf("exit code %d, %s", code, f.errs.String())
	}
}

func TestBackOff(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 5 * time.Second, 1: 10 * time.Second, 3: 40 * time.Second, 4: time.Minute, 99: time.Minute} {
		if got := backOff(5*time.Second, n); got != want {
			t.Errorf("after %d failures: %v, want %v", n, got, want)
		}
	}
	if got := backOff(time.Hour, 9); got != time.Hour {
		t.Errorf("seldom: %v", got)
	}
}
