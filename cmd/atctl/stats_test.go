package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestStats(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "", "put", "a.test", "1")
	var list []statistic
	if err := json.Unmarshal([]byte(p.ok(t, "", "stats", "--json", "3", "11")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Name != "lastCommitID" || list[1].ID != "11" || !strings.HasPrefix(string(list[1].Value), "{") {
		t.Errorf("stats 3 and 11: %+v", list)
	}
	out := p.ok(t, "", "stats")
	for _, want := range []string{"NAME ", "activeInboundConnections  ", "lastCommitID  ", "NotificationCount", "\n  total "} {
		if !strings.Contains(out, want) {
			t.Errorf("stats do not say %q:\n%s", want, out)
		}
	}
	// A figure that lists every key is shown to those who ask for it.
	var commands []string
	for i := range 30 {
		commands = append(commands, fmt.Sprintf("update:k%d.test@alice v", i))
	}
	p.tell(t, commands...)
	if out := p.ok(t, "", "stats"); strings.Contains(out, "k7.test@alice") || !strings.Contains(out, "much; see atctl stats 15\n") {
		t.Errorf("overview:\n%s", out)
	}
	if out := p.ok(t, "", "stats", "15"); !strings.Contains(out, "\n  k7.test@alice ") {
		t.Errorf("every key:\n%s", out)
	}
	if _, errs, code := p.ctl(t, "", "stats", "99"); code != exitFailed {
		t.Errorf("no such figure: exit code %d, %s", code, errs)
	}
	if _, errs, code := p.ctl(t, "", "stats", "lastCommitID"); code != exitUsage {
		t.Errorf("no number: exit code %d, %s", code, errs)
	}
}

// The statistics of the server of 2024, where JSON travels as text.
func TestStatsUnfold(t *testing.T) {
	p := onboarded(t)
	s := openOldServer(t, p)
	s.answers = map[string]string{"stats": `data: [{"id":"1","name":"activeInboundConnections","value":"1"}, {"id":"4","name":"secondaryStorageSize","value":4096}, ` +
		`{"id":"5","name":"topAtSigns","value":"{}"}, {"id":"6","name":"topKeys","value":"{\"phone.wavi@alice\":3,\"a@alice\":1}"}, {"id":"7","name":"version","value":null}, ` +
		`{"id":"11","name":"NotificationCount","value":"{\"total\":2,\"type\":{\"sent\":1}}"}, {"id":"15","name":"Latest","value":"{\"a@alice\":[1,\"*\"]}"}]`}
	if got, want := p.ok(t, "", "stats", "--server", s.address), `NAME                      VALUE
activeInboundConnections  1
secondaryStorageSize      4096
topAtSigns                {}
topKeys
  phone.wavi@alice        3
  a@alice                 1
version                   null
NotificationCount
  total                   2
  type
    sent                  1
Latest
  a@alice                 [1,"*"]
`; got != want {
		t.Errorf("stats:\n%s\nwant:\n%s", got, want)
	}
	var list []struct {
		Name  string
		Value any
	}
	if err := json.Unmarshal([]byte(p.ok(t, "", "stats", "--server", s.address, "--json")), &list); err != nil {
		t.Fatal(err)
	}
	if top, ok := list[3].Value.(map[string]any); !ok || top["a@alice"] != 1.0 || list[0].Value != "1" {
		t.Errorf("stats --json: %+v", list)
	}
}
