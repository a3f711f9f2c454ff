package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

// door is an operator at the local socket.
type door struct {
	t    *testing.T
	http http.Client
	said bytes.Buffer // all that it was answered
}

func openDoor(t *testing.T, dir string) *door {
	t.Helper()
	d := &door{t: t}
	d.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, OperatorSocket))
	}}
	t.Cleanup(d.http.CloseIdleConnections)
	return d
}

// ask sends a request, wants a status and decodes the answer.
func (d *door) ask(method, path string, status int, into any) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, "http://operator"+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.http.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		d.t.Fatalf("%s %s: %d %s, %v; want %d", method, path, response.StatusCode, raw, err, status)
	}
	d.said.Write(raw)
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			d.t.Fatalf("%s %s: %s: %v", method, path, raw, err)
		}
	}
}

// refused wants an error in words.
func (d *door) refused(method, path string, status int) {
	d.t.Helper()
	var f Failure
	d.ask(method, path, status, &f)
	if f.Error == "" || strings.Contains(f.Error, "\n") {
		d.t.Errorf("%s %s: error %q", method, path, f.Error)
	}
}

func (d *door) show(id string) (l Listed) {
	d.t.Helper()
	d.ask("GET", "/enrollments/"+id, 200, &l)
	return l
}

// operated is a server with apps in every state, and an operator.
func operated(t *testing.T) (b *box, d *door, owner *client, first app) {
	t.Helper()
	dir := t.TempDir()
	b = start(t, Options{Dir: dir})
	first = b.firstApp() // by then the server runs
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, OperatorSocket))
		return err == nil
	})
	return b, openDoor(t, dir), b.as(first), first
}

func TestOperatorSocketIsPrivate(t *testing.T) {
	b, d, _, _ := operated(t)
	info, err := os.Stat(filepath.Join(b.options.Dir, OperatorSocket))
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode()&os.ModeSocket == 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	d.ask("GET", "/enrollments", 200, nil)
}

func TestOperatorLists(t *testing.T) {
	b, d, owner, first := operated(t)
	b.clock.add(time.Second)
	wavi := b.letIn(owner, "wavi", `{"wavi":"rw","buzz":"r"}`, `,"apkamKeysExpiryInMillis":60000`)
	b.clock.add(time.Second)
	pend := b.ask(owner, "pend", `{"wavi":"r"}`, "")
	b.as(wavi)
	b.as(wavi)
	var list []Listed
	d.ask("GET", "/enrollments", 200, &list)
	if len(list) != 3 || list[0].ID != first.id || list[1].ID != wavi.id || list[2].ID != pend.id {
		t.Fatalf("%+v", list)
	}
	o, w, p := list[0], list[1], list[2]
	switch {
	case o.App != "first" || o.Status != enroll.Approved || o.Origin != "cram" || o.DecidedBy != "cram" || o.Parent != "" || !o.ExpiresAt.IsZero() || o.Connections != 1:
		t.Errorf("first: %+v", o)
	case w.App != "wavi" || w.Device != "phone" || w.Namespaces["buzz"] != enroll.Read || w.Namespaces["wavi"] != enroll.ReadWrite || w.Status != enroll.Approved ||
		w.Origin != "passcode" || w.DecidedBy != first.id || w.Parent != first.id || w.Connections != 2 || w.LastFrom != "127.0.0.1" || w.RequestedFrom != "127.0.0.1" ||
		!w.LastSeen.Equal(b.clock.now().UTC()) || !w.ExpiresAt.Equal(w.DecidedAt.Add(time.Minute)) || w.RequestedAt.After(w.DecidedAt):
		t.Errorf("wavi: %+v", w)
	case p.Status != enroll.Pending || p.Connections != 0 || !p.LastSeen.IsZero() || !p.DecidedAt.IsZero() || !p.ExpiresAt.Equal(p.RequestedAt.Add(enroll.PendingLife)):
		t.Errorf("pend: %+v", p)
	}
	if shown := d.show(wavi.id); shown.ID != w.ID || shown.Connections != 2 || !shown.LastSeen.Equal(w.LastSeen) {
		t.Errorf("%+v and %+v", shown, w)
	}
	for status, want := range map[string][]string{"pending": {pend.id}, "approved": {first.id, wavi.id}, "denied": {}, "expired": {}, "nonsense": {}} {
		d.ask("GET", "/enrollments?status="+status, 200, &list)
		got := []string{}
		for _, l := range list {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", status, got, want)
		}
	}
	b.pass(time.Minute)
	if got := d.show(wavi.id).Status; got != enroll.Expired {
		t.Errorf("after its end it is %s", got)
	}
}

func TestOperatorDecides(t *testing.T) {
	b, d, owner, first := operated(t)
	manager := b.letIn(owner, "manager", `{"__manage":"rw","wavi":"rw"}`, "")
	m1, m2 := b.as(manager), b.as(manager)
	child := b.letIn(m1, "child", `{"wavi":"rw"}`, "")
	c1 := b.as(child)
	pend := b.ask(owner, "pend", `{"wavi":"r"}`, "")
	at := "/enrollments/"

	// What cannot be: to let in, to act on nobody, against the arrows, on the last owner.
	d.refused("POST", at+pend.id+"/approve", 404)
	d.refused("POST", at+pend.id+"/update", 404)
	for _, act := range []string{"deny", "revoke", "unrevoke"} {
		d.refused("POST", at+"nosuch/"+act, 404)
	}
	d.refused("GET", at+"nosuch", 404)
	d.refused("DELETE", at+"nosuch", 404)
	d.refused("POST", at+pend.id+"/revoke", 409)
	d.refused("POST", at+pend.id+"/unrevoke", 409)
	d.refused("DELETE", at+pend.id, 409)
	d.refused("POST", at+manager.id+"/deny", 409)
	d.refused("POST", at+manager.id+"/unrevoke", 409)
	d.refused("DELETE", at+manager.id, 409)
	d.refused("POST", at+first.id+"/revoke", 409)
	if s := d.show(pend.id).Status; s != enroll.Pending {
		t.Errorf("pend is %s", s)
	}
	m1.ask("noop:0", "data:ok\n@alice@")

	var done Decided
	d.ask("POST", at+pend.id+"/deny", 200, &done)
	if done.Act != "deny" || done.ID != pend.id || d.show(pend.id).Status != enroll.Denied || d.show(pend.id).DecidedBy != "operator" {
		t.Errorf("deny: %+v", done)
	}
	d.ask("POST", at+manager.id+"/revoke", 200, &done)
	if done.Closed != 3 || !slices.Equal(done.Fallen, []string{child.id}) {
		t.Errorf("revoke: %+v", done)
	}
	for _, c := range []*client{m1, m2, c1} {
		c.soonEnded()
	}
	owner.ask("noop:0", "data:ok\n@alice@")
	if l := d.show(manager.id); l.Status != enroll.Revoked || l.RevokedBy != "operator" || l.Connections != 0 {
		t.Errorf("%+v", l)
	}
	d.refused("POST", at+child.id+"/unrevoke", 409) // its approver is out
	d.refused("POST", at+manager.id+"/revoke", 409)
	d.ask("POST", at+manager.id+"/unrevoke", 200, &done)
	d.ask("POST", at+child.id+"/unrevoke", 200, &done)
	b.as(child)
	d.ask("POST", at+child.id+"/revoke", 200, &done)
	d.ask("DELETE", at+child.id, 200, &done)
	if done.Act != "delete" {
		t.Errorf("%+v", done)
	}
	d.refused("GET", at+child.id, 404)
	d.ask("DELETE", at+pend.id, 200, nil)

	var found Verified
	d.ask("GET", "/audit/verify", 200, &found)
	if found.Fault != "" || found.Entries < 10 {
		t.Errorf("%+v", found)
	}
}

// TestOperatorReadsNoValues looks for keys, passcodes, names and values of records in all that operators are told.
func TestOperatorReadsNoValues(t *testing.T) {
	b, d, owner, first := operated(t)
	wavi := b.letIn(owner, "wavi", `{"wavi":"rw"}`, `,"metadata":{"m":"secretD"},"apskLegacy":"secretE"`)
	c := b.as(wavi)
	c.send("update:nameF.wavi@alice secretG\n")
	c.line()
	c.want("@alice@")
	c.send("llookup:nameH.buzz@alice\n") // a refusal is on record
	c.line()
	c.want("@alice@")
	owner.ask("otp:put:secretI", "data:ok\n@alice@")
	owner.send("otp:get\n")
	otp := strings.TrimSpace(strings.TrimPrefix(owner.line(), "data:"))
	owner.want("@alice@")

	d.ask("GET", "/enrollments", 200, nil)
	d.show(first.id)
	d.show(wavi.id)
	d.ask("POST", "/enrollments/"+wavi.id+"/revoke", 200, nil)
	d.ask("GET", "/audit", 200, nil)
	d.refused("GET", "/audit?after=x", 400)
	d.refused("GET", "/audit?limit=0", 400)
	e, _ := b.env.Registry.Get(wavi.id)
	o, _ := b.env.Registry.Get(first.id)
	said := strings.ToLower(d.said.String())
	for _, word := range []string{"secret", "namef", "nameh", otp, e.Key, o.Key, e.Fingerprint, e.Session, cramSecret, "known_1"} {
		if strings.Contains(said, strings.ToLower(word)) {
			t.Errorf("%q was told", word)
		}
	}
	for _, path := range []string{"/", "/data", "/enrollments/" + wavi.id + "/keys", "/values/x"} {
		response, err := d.http.Get("http://operator" + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 404 && response.StatusCode != 405 {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}

func TestOperatorReadsTheAuditTrail(t *testing.T) {
	b, d, owner, _ := operated(t)
	for range 10 {
		owner.ask("otp:put:KNOWN_1", "data:ok\n@alice@")
	}
	b.ask(owner, "pend", `{"wavi":"r"}`, "")
	var all, page Audited
	d.ask("GET", "/audit", 200, &all)
	if n := len(all.Entries); n < 13 || all.Entries[n-1].Action != "enroll.request" || all.Entries[n-1].From != "127.0.0.1" {
		t.Fatalf("%+v", all.Entries)
	}
	after, got := "", 0
	for {
		d.ask("GET", "/audit?limit=5"+after, 200, &page)
		if len(page.Entries) == 0 {
			break
		}
		if len(page.Entries) > 5 {
			t.Fatalf("%d entries on a page", len(page.Entries))
		}
		for _, e := range page.Entries {
			if e.Seq != all.Entries[got].Seq || e.Hash != all.Entries[got].Hash || got > 0 && e.Prev != all.Entries[got-1].Hash {
				t.Fatalf("entry %d: %+v", got, e)
			}
			got++
		}
		raw, _ := json.Marshal(page.Entries[len(page.Entries)-1].Seq)
		after = "&after=" + string(raw)
	}
	if got != len(all.Entries) {
		t.Errorf("%d of %d entries on pages", got, len(all.Entries))
	}
	var found Verified
	d.ask("GET", "/audit/verify", 200, &found)
	if found.Entries != int64(got) || found.Fault != "" {
		t.Errorf("%+v, %d entries", found, got)
	}
}
