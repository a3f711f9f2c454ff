package verbs

import (
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

// TestScanLog: the owner's apps see the part of the commit log that tells of what
// they may read, deletions too.
func TestScanLog(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}})
	o := w.app("root")
	for _, line := range []string{
		"update:a.wavi@alice v", "update:b.buzz@alice v", "update:public:_h@alice v", "update:_h.wavi@alice v", "update:@bob:c.wavi@alice v",
		"delete:@bob:c.wavi@alice", "update:a.wavi@alice w", "update:_server v",
	} {
		o.exec(line)
		w.move(time.Millisecond)
	}
	entry := func(k, op, id, ms string) string {
		return `{"atKey":"` + k + `","operation":"` + op + `","commitId":` + id + `,"opTime":"2026-10-01T12:00:00.` + ms + `Z"}`
	}
	b, hidden, c, a := entry("b.buzz@alice", "*", "1", "001"), entry("_h.wavi@alice", "*", "2", "003"), entry("@bob:c.wavi@alice", "-", "4", "005"), entry("a.wavi@alice", "*", "5", "006")
	for _, test := range []struct {
		who  *actor
		line string
		want []string
	}{
		{o, "scan:cl", []string{b, c, a}},
		{o, "scan:CL:showHidden:true", []string{b, hidden, c, a}},
		{o, "scan:cl wavi", []string{c, a}},
		{o, "scan:cl ^nothing", nil},
		{w.app("7c"), "scan:cl", []string{c, a}},
		{w.app("7c"), "scan:cl:showhidden:true", []string{hidden, c, a}},
	} {
		test.who.says(test.line, "data:["+strings.Join(test.want, ",")+"]\n@alice@")
	}
	for _, who := range []*actor{w.stranger(), w.peer("@bob")} {
		if sent, end := who.exec("scan:cl"); !strings.HasPrefix(sent, "error:AT0401-") || end {
			t.Errorf("%q", sent)
		}
	}
	for _, line := range []string{"scan:cl:@bob", "scan:clx", "scan:cl:x"} {
		if sent, end := o.exec(line); !strings.HasPrefix(sent, "error:AT") || end {
			t.Errorf("%s: %q", line, sent)
		}
	}
}
