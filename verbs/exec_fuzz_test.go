package verbs

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"atserver/enroll"
	"atserver/store"
)

// marked are records whose values say who may read them.
var marked = map[string]string{
	"public:x.wavi@alice": "MARK-public", "public:x@alice": "MARK-public", "public:_x@alice": "MARK-public", "cached:public:x@bob": "MARK-cached",
	"x.wavi@alice": "MARK-wavi", "@alice:x.wavi@alice": "MARK-wavi", "cached:@alice:x.wavi@bob": "MARK-wavi", "local:x.wavi@alice": "MARK-wavi",
	"x.buzz@alice": "MARK-buzz", "x@alice": "MARK-buzz", "@carol:x.wavi@alice": "MARK-wavi", "@bob:x.buzz@alice": "MARK-bob", "_x": "MARK-buzz",
	"private:blocklist@alice": "MARK-never", "private:@bob:x.wavi@alice": "MARK-never", "privatekey:at_secret": "MARK-never", "configkey": "MARK-never",
	"privatekey:at_pkam_publickey": "MARK-never", "abc.__otp@alice": "MARK-never", "x.new.enrollments.__manage@alice": "MARK-never",
	"x.other.a.__e@alice": "MARK-never", "x.__pkams@alice": "MARK-never",
}

var (
	mark   = regexp.MustCompile("MARK-[a-z]+")
	answer = regexp.MustCompile(`^(data:[^\r\n]*|error:(AT\d{4}-[^\r\n]*:[^\r\n]*|AT\d{4}:[^\r\n]*|\{"errorCode":"AT\d{4}","errorDescription":"[^\r\n]*"\}))\n(@|@alice@|@bob@)$`)
)

// fuzzed is one world for all lines, for to make one takes long.
type fuzzed struct{ *world }

// whole tells whether all marked records are as they were.
func (f *fuzzed) whole() bool {
	for k, value := range marked {
		if r, found := f.stored(k); !found || string(r.Value) != value || r.Meta.State(f.now) != store.Active {
			return false
		}
	}
	return true
}

// fill writes the marked records where an earlier line changed them, and removes
// what else there is when that is much.
func (f *fuzzed) fill() {
	keys := f.keys()
	if len(keys) < 200 && f.whole() {
		return
	}
	f.must(f.env.DB.Update(func(tx *store.Tx) error {
		for _, k := range keys {
			if _, _, err := tx.Delete(key(k), store.Silent, "test"); err != nil {
				return err
			}
		}
		for k, value := range marked {
			if _, err := tx.Put(store.Record{Key: key(k), Value: []byte(value)}, store.OpUpdateAll, "test"); err != nil {
				return err
			}
		}
		return nil
	}))
}

// say executes a line on a new connection and checks what holds for all lines.
func (f *fuzzed) say(a *actor, line string) (sent string) {
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	cmd := f.set.Find(line)
	if cmd.Name() == "noop" {
		cancel() // the client is gone: no need to wait
	}
	f.log.Reset()
	reply, err := f.set.Exec(ctx, f.env, a.Session, cmd)
	out, _ := a.Append(nil, reply, err)
	sent = string(out)
	if err == ErrPanic || err != nil && asError(err).Cause != nil {
		f.t.Fatalf("%q by %s: %v\n%s", line, a.Principal.Actor(), err, f.log)
	}
	if !(reply.Mute && err == nil && sent == "") && (!answer.MatchString(sent) || !utf8.ValidString(sent)) {
		f.t.Fatalf("%q by %s: %q", line, a.Principal.Actor(), sent)
	}
	if f.log.Len() > 0 {
		f.t.Fatalf("%q by %s: logged %s", line, a.Principal.Actor(), f.log)
	}
	return sent
}

// changes is another number after each write that has a commit entry, each new
// record, and each notification.
func (f *fuzzed) changes() (n int64) {
	f.must(f.env.DB.View(func(tx *store.Tx) error {
		for c, err := range tx.CommitsBack(-1) {
			n = c.ID
			return err
		}
		return nil
	}))
	f.must(f.env.DB.View(func(tx *store.Tx) error {
		counts, err := tx.CountNotifications()
		n += int64(counts.Total) << 32
		return err
	}))
	return n<<16 + int64(len(f.keys()))
}

// FuzzExec throws lines at all verbs, for everybody: nobody may make the server
// fail, read what is not for them, change what is not theirs, or become another.
func FuzzExec(f *testing.F) {
	for _, forms := range grammar {
		for _, form := range forms {
			f.Add(form)
		}
	}
	for _, odd := range []string{"", ":", "@", "::@", "update:ttl", "GET / HTTP/1.1", "scan (a+)+!", "lookup:@bob:x@alice", "llookup:privatekey:at_secret", "delete:configkey",
		"UPDATE:PUBLIC:\u00a0x@alice v", "llookup:all:\u212aey@alice", "update:isbinary:true:ttl:-0:x@alice \u2028"} {
		f.Add(odd)
	}
	w := &fuzzed{world: newWorld(f, rootApp,
		&enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}},
		&enroll.Enrollment{ID: "manager", Stored: enroll.Approved, Grants: enroll.Grants{enroll.Manage: "rw"}},
	)}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n\x00") || !utf8.ValidString(line) || strings.Contains(strings.ToUpper(line), "MARK") {
			t.Skip("the framer lets no such line through, or it makes marks of its own")
		}
		w.t = t
		w.fill()
		changes := w.changes()
		for _, c := range []struct {
			who  *actor
			sees string // the marks that may show
		}{
			{w.stranger(), "MARK-public"},
			{w.peer("@bob"), "MARK-bob"},
			{w.app("7c"), "MARK-public MARK-cached MARK-wavi"},
			{w.app("manager"), "MARK-public MARK-cached"},
		} {
			who := c.who.Principal
			for _, m := range mark.FindAllString(w.say(c.who, line), -1) {
				if !strings.Contains(c.sees, m) {
					t.Fatalf("%q shows %s to %s", line, m, who.Actor())
				}
			}
			if now := c.who.Principal; now != who && now.Kind != enroll.Anonymous {
				t.Fatalf("%q made %+v of %+v", line, now, who)
			}
			now := w.changes()
			name := Standard().Find(line).Name()
			told := name == "notify" && who.Kind == enroll.Peer               // which others may, and keep a copy up to date
			if now != changes && !told && !strings.HasPrefix(name, "keys:") { // every app keeps keys of its own
				t.Fatalf("%q by %s wrote something", line, who.Actor())
			}
			changes = now
		}
		cram, owner := w.as(enroll.Principal{Kind: enroll.CRAM, Sign: "@alice"}), w.app("root")
		if sent := w.say(cram, line); mark.MatchString(sent) && cram.Principal.Kind == enroll.CRAM {
			t.Fatalf("%q shows %s to the bootstrap secret", line, sent)
		}
		if w.changes() != changes {
			t.Fatalf("%q by the bootstrap secret wrote something", line)
		}
		if sent := w.say(owner, line); strings.Contains(sent, "MARK-never") {
			t.Fatalf("%q shows to the owner what nobody sees: %s", line, sent)
		}
		for k, value := range marked {
			if r, found := w.stored(k); value == "MARK-never" && (!found || string(r.Value) != value) {
				t.Fatalf("%q by the owner changed %s", line, k)
			}
		}
		for _, id := range []string{"root", "7c", "manager"} {
			if _, status := w.env.Registry.Get(id); status != enroll.Approved {
				t.Fatalf("%q left %s %s", line, id, status)
			}
		}
		for _, k := range w.keys() {
			if parsed := key(k); parsed.Length() > parsed.MaxLength() || parsed.String() != k {
				t.Fatalf("%q left the key %q", line, k)
			}
		}
	})
}

// TestFuzzedWorld: the marks are where they can be read, or the fuzzing would
// find nothing.
func TestFuzzedWorld(t *testing.T) {
	w := &fuzzed{world: newWorld(t, rootApp, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}})}
	w.fill()
	for _, c := range []struct {
		who        *actor
		line, mark string
	}{
		{w.stranger(), "lookup:x.wavi@alice", "MARK-public"}, {w.peer("@bob"), "lookup:x.buzz@alice", "MARK-bob"},
		{w.app("7c"), "llookup:x.wavi@alice", "MARK-wavi"}, {w.app("7c"), "llookup:cached:public:x@bob", "MARK-cached"},
		{w.app("root"), "llookup:x.buzz@alice", "MARK-buzz"},
	} {
		if sent := w.say(c.who, c.line); !strings.Contains(sent, c.mark) {
			t.Errorf("%s: %q", c.line, sent)
		}
	}
	if !w.whole() {
		t.Error("marks are missing")
	}
}
