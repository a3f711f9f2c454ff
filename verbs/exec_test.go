package verbs

import (
	"strings"
	"testing"

	"atserver/enroll"
)

// TestAdmission: who may not use a verb at all learns that before anything else,
// whatever stands behind the verb (protocol auth §1.4).
func TestAdmission(t *testing.T) {
	const stranger = "error:AT0401-Exception: Command cannot be executed without auth\n@"
	const bootstrap = "error:AT0009-UnAuthorized client in request : a CRAM connection may only bootstrap: enroll an app and log in by PKAM\n@alice@"
	w := newWorld(t, rootApp)
	for _, c := range []struct{ line, asStranger, asCRAM string }{
		{"update:x.wavi@alice v", stranger, "-"},
		{"update:", stranger, "-"},
		{"delete:x.wavi@alice", stranger, "-"},
		{"llookup:x.wavi@alice", stranger, bootstrap},
		{"llookup:public:x.wavi@alice", stranger, bootstrap},
		{"LLOOKUP:", stranger, bootstrap},
		{"lookup:x@alice", "-", bootstrap},
		{"scan", "-", bootstrap},
		{"scan:nonsense", "-", bootstrap},
	} {
		if c.asStranger != "-" {
			w.stranger().says(c.line, c.asStranger)
			w.peer("@bob").says(c.line, c.asStranger)
		}
		if c.asCRAM != "-" {
			w.cram().says(c.line, c.asCRAM)
		}
	}
}

// TestEveryVerb walks the table: all say whom they admit, nothing admits nobody
// or the zero principal, and none answers with more than a line to garbage.
func TestEveryVerb(t *testing.T) {
	w := newWorld(t, rootApp)
	for name, v := range w.set.byName {
		if v.Name != name || v.Usage == "" || v.Who == 0 || v.Who&^(enroll.Anyone|enroll.Operator) != 0 {
			t.Errorf("%s: %+v", name, v)
		}
		if strings.ContainsAny(v.Usage, "\r\n") || strings.Contains(v.Usage, "data:") {
			t.Errorf("%s: the usage %q would break its error", name, v.Usage)
		}
		nobody := w.as(enroll.Principal{})
		for _, rest := range []string{"", ":", ":{}", ":x@alice v"} {
			if rest == "" && !v.Bare && !strings.Contains(name, ":") {
				continue // no command at all
			}
			if sent, end := nobody.exec(name + rest); !strings.HasPrefix(sent, "error:AT0401-") || end {
				t.Errorf("%s%s by nobody: %q", name, rest, sent)
			}
		}
	}
}

// TestEnded: a connection whose enrollment is no longer approved gets one more
// line, whatever it asks, and that is the end (security T25, T26).
func TestEnded(t *testing.T) {
	w := newWorld(t,
		&enroll.Enrollment{ID: "revoked", Stored: enroll.Revoked, Grants: enroll.Root()},
		&enroll.Enrollment{ID: "denied", Stored: enroll.Denied, Grants: enroll.Root()},
		&enroll.Enrollment{ID: "pending", Stored: enroll.Pending, Grants: enroll.Root()},
		&enroll.Enrollment{ID: "brief", Stored: enroll.Approved, Grants: enroll.Root(), ExpiresAt: epoch.Add(2000000)},
	)
	w.app("brief").says("noop:0", "data:ok\n@alice@")
	w.move(2000000)
	for id, code := range map[string]string{"revoked": "AT0027", "denied": "AT0025", "pending": "AT0026", "brief": "AT0028", "unknown": "AT0028"} {
		status := map[string]string{"brief": "expired", "unknown": "expired"}[id]
		if status == "" {
			status = id
		}
		for _, line := range []string{"update:x@alice v", "noop:0", "scan", "info", "from:@alice", "lookup:x@alice", "update:nonsense"} {
			w.app(id).ends(line, "error:"+code+":The enrollment id: "+id+" is "+status+". Closing the connection\n@alice@")
		}
	}
}

// TestHTTP: a browser on the line protocol is told once, and sent away.
func TestHTTP(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{"GET / HTTP/1.1", "get /x http/1.1", "GET /a:b HTTP/1.1", "POST / HTTP/1.0", "OPTIONS * HTTP/1.1"} {
		w.stranger().ends(line, "error:AT0003-Exception: HTTP requests must negotiate ALPN http/1.1\n@")
	}
	for _, line := range []string{"GET / HTTP/1.1 x", "http/1.1", "GET /HTTP/1.1", ""} {
		w.stranger().says(line, "error:AT0003-Exception: invalid command\n@")
	}
}

// TestPanic: what nobody thought of ends the one connection, not the server, and
// the log knows where, but not with what words.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	w.set = NewSet([]Verb{define(
		Verb{Name: "boom", Usage: "boom", Who: enroll.Anyone},
		func(l *line) (string, error) { return l.all(), nil }, nothing[string],
		func(*Call, string) (Reply, error) { panic("unexpected") },
	)})
	w.stranger().ends("boom:hush", "error:AT0011-Exception: Exception: internal failure\n@")
	log := w.log.String()
	if !strings.Contains(log, `"verb":"boom"`) || !strings.Contains(log, "exec_test.go") || strings.Contains(log, "hush") {
		t.Errorf("logged %s", log)
	}
}

// TestInternalFailure: the client learns nothing of the cause, the log does.
func TestInternalFailure(t *testing.T) {
	w, o := owner(t)
	w.must(w.env.DB.Close())
	for _, line := range []string{"update:x.wavi@alice hush", "llookup:x.wavi@alice", "scan", "delete:x.wavi@alice"} {
		w.log.Reset()
		o.ends(line, "error:AT0011-Internal server exception : Exception: internal failure\n@alice@")
		if log := w.log.String(); !strings.Contains(log, "database is closed") || strings.Contains(log, "hush") || strings.Contains(log, "wavi") {
			t.Errorf("%s: logged %q", line, log)
		}
	}
}

// TestDefine: a verb with a step missing ends the program at its start.
func TestDefine(t *testing.T) {
	whole := Verb{Name: "x", Usage: "x", Who: enroll.Anyone}
	parse := func(*line) (int, error) { return 0, nil }
	run := func(*Call, int) (Reply, error) { return Reply{}, nil }
	for name, f := range map[string]func(){
		"no parse":  func() { define(whole, nil, nothing[int], run) },
		"no needs":  func() { define(whole, parse, nil, run) },
		"no run":    func() { define(whole, parse, nothing[int], nil) },
		"no name":   func() { define(Verb{Usage: "x", Who: enroll.Anyone}, parse, nothing[int], run) },
		"no usage":  func() { define(Verb{Name: "x", Who: enroll.Anyone}, parse, nothing[int], run) },
		"nobody":    func() { define(Verb{Name: "x", Usage: "x"}, parse, nothing[int], run) },
		"undefined": func() { NewSet([]Verb{whole}) },
		"twice":     func() { v := define(whole, parse, nothing[int], run); NewSet([]Verb{v, v}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// TestRefusalsAreOnRecord: what an app may not do is refused in the words that
// clients know, and one entry tells of it.
func TestRefusalsAreOnRecord(t *testing.T) {
	w := newWorld(t, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}})
	app := w.app("7c")
	const who = "error:AT0009-UnAuthorized client in request : Connection with enrollment ID 7c is not authorized to "
	app.says("update:X.Wavi@alice v", who+"update key: x.wavi@alice\n@alice@")
	app.says("delete:@bob:x.wavi@alice", who+"delete key: @bob:x.wavi@alice\n@alice@")
	app.says("llookup:x.buzz@alice", who+"llookup key: x.buzz@alice\n@alice@")
	app.says("lookup:x.buzz@bob", who+"lookup key: @alice:x.buzz@bob\n@alice@")
	if log := w.audit(); strings.Join(log, ",") != "7c update deny,7c delete deny,7c llookup deny,7c lookup deny" {
		t.Errorf("audit %q", log)
	}
	if _, found := w.stored("x.wavi@alice"); found {
		t.Error("it was written all the same")
	}
	w.stranger().exec("update:x@alice v")
	w.peer("@bob").exec("lookup:x@alice")
	if log := w.audit(); len(log) != 4 {
		t.Errorf("strangers fill the audit trail: %q", log)
	}
}

// TestSlow: answers that are ready leave before a command that may wait.
func TestSlow(t *testing.T) {
	for line, want := range map[string]bool{
		"noop:0": false, "noop:000": false, "noop:1": true, "noop:5000": true, "noop:": false, "from:@alice": true, "FROM:@bob": true,
		"update:x@alice v": false, "info": false, "scan": false, "": false, "nonsense:1": false,
	} {
		if Standard().Find(line).Slow() != want {
			t.Errorf("%s is slow: %v", line, !want)
		}
	}
}
