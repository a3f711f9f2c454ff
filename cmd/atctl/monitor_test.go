package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atserver/store/atkey"
)

func (p *pair) monitor(t *testing.T, sign atkey.Sign, args ...string) *follower {
	t.Helper()
	return background(t, append(append(p.flags(sign), "monitor"), args...)...)
}

// next reads the next line.
func (f *follower) next(t *testing.T) string {
	t.Helper()
	if !f.lines.Scan() {
		t.Fatalf("ended: %s", f.errs.String())
	}
	return f.lines.Text()
}

func TestMonitor(t *testing.T) {
	p := openPair(t)
	state := filepath.Join(t.TempDir(), "state")
	tell := func(key, value string) { p.ok(t, "@alice", "", "notify", "--wait", "@bob", key, value) }
	tell("before.test", "0")
	f := p.monitor(t, "@bob", `\.test`, "--since=0", "--every=20ms", "--state", state)
	if line := f.next(t); !strings.HasSuffix(line, "  @alice  before.test  0") {
		t.Errorf("line %q", line)
	}
	tell("live.test", "one\nline")
	tell("live.other", "not this")
	p.ok(t, "@alice", "", "notify", "--wait", "--delete", "@bob", "live.test")
	if line := f.next(t); !strings.HasSuffix(line, "  @alice  live.test  one line") {
		t.Errorf("line %q", line)
	}
	if line := f.next(t); !strings.HasSuffix(line, "  @alice  live.test  (deleted)") {
		t.Errorf("line %q", line)
	}

	// What comes while the server, or the connection, is away is told once.
	p.stop("@bob")
	p.ok(t, "@alice", "", "notify", "@bob", "away.test", "1")
	p.restart(t, "@bob")
	tell("back.test", "2")
	for _, want := range []string{"away.test  1", "back.test  2"} {
		if line := f.next(t); !strings.HasSuffix(line, want) {
			t.Errorf("line %q, want %s", line, want)
		}
	}
	f.end(t)
	if says := f.errs.String(); !strings.Contains(says, "trying again") {
		t.Errorf("said %q", says)
	}

	tell("later.test", "3")
	f = p.monitor(t, "@bob", `\.test`, "--state", state)
	if line := f.next(t); !strings.HasSuffix(line, "later.test  3") {
		t.Errorf("line %q", line)
	}
	f.end(t)
	p.refused(t, "@bob", exitUsage, "another monitor", "monitor", "--state", state)
	if err := os.WriteFile(state, []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.refused(t, "@bob", exitFailed, "no state", "monitor", "--state", state)
	p.refused(t, "@bob", exitFailed, "AT0003", "monitor", "--since=0", "(")
}

func TestMonitorJSON(t *testing.T) {
	p := openPair(t)
	p.ok(t, "@alice", "", "share", "k.test", "@bob", "a <value>") // which the server tells of by itself
	p.ok(t, "@alice", "", "notify", "--wait", "@bob", "--text", "hello")
	f := p.monitor(t, "@bob", "--json", "--since=1h")
	plain := map[string]string{}
	for range 3 {
		var n struct {
			ID, Key, Plain string
			EpochMillis    int64
			Metadata       map[string]any
		}
		if err := json.Unmarshal([]byte(f.next(t)), &n); err != nil || n.ID == "" || n.EpochMillis == 0 {
			t.Fatalf("%+v, %v", n, err)
		}
		plain[n.Key] = n.Plain
	}
	f.end(t)
	for key, want := range map[string]string{"@bob:shared_key@alice": "", "@bob:k.test@alice": "a <value>", "@bob:hello": "hello"} {
		if got, there := plain[key]; !there || got != want {
			t.Errorf("%s: %q (%v), want %q", key, got, there, want)
		}
	}
}

// The owner's apps hear of an app that asks for access.
func TestMonitorSelf(t *testing.T) {
	p := onboarded(t)
	f := background(t, "--atsign=@alice", "--ca="+p.ca, "--root="+p.directory, "monitor", "--self", "--since=0")
	id := p.request(t, t.TempDir(), "--app=todos", "--device=desk", "--ns=todos:rw")
	if line := f.next(t); !strings.Contains(line, id) {
		t.Errorf("line %q does not name %s", line, id)
	}
	f.end(t)
}

func TestMoment(t *testing.T) {
	now := time.Now().UnixMilli()
	for text, want := range map[string]int64{
		"0": 0, "1729733000000": 1729733000000, "2026-11-22T04:05:06Z": 1795320306000, "2h": now - 2*3_600_000, "0s": now,
	} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || int64(m) < want || int64(m) > want+60_000 {
			t.Errorf("%s: %d, %v; want %d", text, m, err, want)
		}
	}
	for _, text := range []string{"", "-1", "-2h", "soon", "2026-13-01"} {
		if m := new(moment); m.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q: %d", text, *m)
		}
	}
}

func TestNotificationCells(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		n     notification
		plain []byte
		want  string
	}{
		{notification{From: "@alice", To: "@bob", Key: "@bob:phone.wavi@alice", Value: text("x")}, []byte("1\n2"), "@alice  phone.wavi  1 2"},
		{notification{From: "@alice", To: "@bob", Key: "@bob:phone.wavi@alice", Value: text("x")}, nil, "@alice  phone.wavi  (encrypted)"},
		{notification{From: "@alice", To: "@bob", Key: "@bob:phone.wavi@alice", Operation: "delete"}, nil, "@alice  phone.wavi  (deleted)"},
		{notification{From: "@alice", To: "@bob", Key: "@bob:phone.wavi@alice"}, nil, "@alice  phone.wavi"},
		{notification{From: "@alice", To: "@bob", Key: "@bob:phone.wavi@carol"}, nil, "@alice  @bob:phone.wavi@carol"},
		{notification{From: "@alice", To: "@bob", Key: "@bob:hi\x1b[2J", MessageType: "MessageType.text"}, []byte("hi\x1b[2J"), `@alice  (text)  hi\u001b[2J`},
	} {
		if got := oneLine(c.n.cells(c.plain)); !strings.HasSuffix(got, "  "+c.want) {
			t.Errorf("%+v: %q, want %q", c.n, got, c.want)
		}
	}
}
