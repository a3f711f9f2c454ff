package verbs

import (
	"strings"
	"testing"
	"time"

	"atserver/enroll"
	"atserver/store"
)

// scanWorld has a record of each sort.
func scanWorld(t *testing.T) *world {
	w := newWorld(t, rootApp,
		&enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r", "foo.buzz": "rw"}},
		&enroll.Enrollment{ID: "manager", Stored: enroll.Approved, Grants: enroll.Grants{enroll.Manage: "rw"}},
		&enroll.Enrollment{ID: "none", Stored: enroll.Approved},
	)
	w.must(w.env.DB.Update(func(tx *store.Tx) error {
		for _, k := range []string{
			"a@alice", "a.wavi@alice", "a.foo.buzz@alice", "a.buzz@alice", "_a.wavi@alice", "@bob:a.wavi@alice", "@bob:a.buzz@alice", "@bob:_a@alice",
			"@carol:a@alice", "public:a@alice", "public:a.buzz@alice", "public:_a@alice", "public:__a.wavi@alice", "private:a@alice", "private:@bob:a@alice",
			"local:a@alice", "cached:public:a@bob", "cached:@alice:a.wavi@bob", "cached:@bob:a@carol", "privatekey:at_secret", "configkey", "_a",
			"a.new.enrollments.__manage@alice", "a.__otp@alice", "a.7c.a.__e@alice", "a.none.a.__e@alice", "a.__atserver@alice", "shared_key.bob@alice", "@bob:shared_key@alice",
		} {
			if _, err := tx.Put(store.Record{Key: key(k), Value: []byte("v")}, store.OpUpdateAll, "test"); err != nil {
				return err
			}
		}
		_, err := tx.Put(store.Record{Key: key("public:dead@alice"), Value: []byte("v"), Meta: store.Meta{ExpiresAt: epoch}}, store.OpUpdateAll, "test")
		if err != nil {
			return err
		}
		_, err = tx.Put(store.Record{Key: key("public:unborn@alice"), Value: []byte("v"), Meta: store.Meta{AvailableAt: epoch.Add(time.Second)}}, store.OpUpdateAll, "test")
		return err
	}))
	return w
}

// TestScan: who sees which keys, called how (protocol data §9).
func TestScan(t *testing.T) {
	w := scanWorld(t)
	for _, c := range []struct {
		who        *actor
		line, want string
	}{
		{w.stranger(), "scan", "a.buzz@alice a@alice"},
		{w.stranger(), "SCAN:SHOWHIDDEN:TRUE", "a.buzz@alice a@alice"},
		{w.stranger(), "scan:@alice", "a.buzz@alice a@alice"},
		{w.stranger(), "scan buzz", "a.buzz@alice"},
		{w.stranger(), "scan ^public:a@", "a@alice"}, // searched in the full key
		{w.stranger(), "scan ^a@", ""},
		{w.peer("@bob"), "scan", "_a@alice a.buzz@alice a.wavi@alice shared_key@alice"},
		{w.peer("@bob"), "scan:showhidden:true", "_a@alice a.buzz@alice a.wavi@alice shared_key@alice"},
		{w.peer("@bob"), "scan public", ""},
		{w.peer("@bob"), "scan ^@bob:a\\.", "a.buzz@alice a.wavi@alice"},
		{w.peer("@carol"), "scan", "a@alice"},
		{w.peer("@dave"), "scan", ""},
		{w.app("root"), "scan", "@bob:_a@alice @bob:a.buzz@alice @bob:a.wavi@alice @bob:shared_key@alice @carol:a@alice a.__atserver@alice a.buzz@alice a.foo.buzz@alice " +
			"a.wavi@alice a@alice cached:@alice:a.wavi@bob cached:@bob:a@carol cached:public:a@bob local:a@alice public:a.buzz@alice public:a@alice shared_key.bob@alice"},
		{w.app("root"), "scan:showHidden:true wavi", "@bob:a.wavi@alice _a.wavi@alice a.wavi@alice cached:@alice:a.wavi@bob public:__a.wavi@alice"},
		{w.app("root"), "scan:showhidden:false wavi", "@bob:a.wavi@alice a.wavi@alice cached:@alice:a.wavi@bob"},
		{w.app("root"), "scan:showhidden:true ^_", "_a.wavi@alice"},
		{w.app("root"), "scan ^(private|config|_)", ""},
		{w.app("root"), "scan:@Al.ice:page:2 ^public", "public:a.buzz@alice public:a@alice"},
		{w.app("root"), "SCAN .WAVI", "@bob:a.wavi@alice a.wavi@alice cached:@alice:a.wavi@bob"},
		{w.app("7c"), "scan", "@bob:a.wavi@alice @bob:shared_key@alice a.7c.a.__e@alice a.__atserver@alice a.foo.buzz@alice a.wavi@alice cached:@alice:a.wavi@bob " +
			"cached:public:a@bob public:a.buzz@alice public:a@alice shared_key.bob@alice"},
		{w.app("manager"), "scan", "@bob:shared_key@alice a.__atserver@alice cached:public:a@bob public:a.buzz@alice public:a@alice shared_key.bob@alice"},
		{w.app("none"), "scan", "@bob:shared_key@alice a.__atserver@alice a.none.a.__e@alice cached:public:a@bob public:a.buzz@alice public:a@alice shared_key.bob@alice"},
	} {
		sent, end := c.who.exec(c.line)
		payload, prompt, _ := strings.Cut(strings.TrimPrefix(sent, "data:"), "\n")
		got := strings.NewReplacer(`"`, "", ",", " ", "[", "", "]", "").Replace(payload)
		if got != c.want || end || prompt != c.who.prompt(false) {
			t.Errorf("%s, %s\n got %s\nwant %s", c.who.Principal.Actor(), c.line, got, c.want)
		}
	}
}

func TestScanRefused(t *testing.T) {
	w := scanWorld(t)
	for _, line := range []string{
		"scan:", "scan:x", "scan:showhidden:yes", "scan:showhidden:", "scan:@", "scan:@bob@carol", "scan:page:", "scan:page:x", "scan:page:-1",
		"scan:@alice:showhidden:true", "scan a b", "scan:page:1 a b", "scan:showhidden:truex", "scan\ta",
	} {
		if sent, end := w.stranger().exec(line); !strings.HasPrefix(sent, "error:AT0003-") || end {
			t.Errorf("%s: %q", line, sent)
		}
	}
	for _, pattern := range []string{"[", "(", "*", `\`, "(?<", "a)", "[z-a]"} {
		w.stranger().says("scan "+pattern, "error:AT0003-Exception: the regular expression is not valid\n@")
	}
	w.stranger().says("scan:@bob", "error:AT0401-Exception: Scan to another atSign cannot be performed without auth\n@")
	w.peer("@bob").says("scan:@bob .*", "error:AT0401-Exception: Scan to another atSign cannot be performed without auth\n@")
	w.app("root").says("scan:@bob", "error:AT0004-Socket error : no connection to the server of @bob at localhost:1\n@alice@")
	w.stranger().ends("scan:@b#b", "error:AT0011-Exception: invalid @sign: Cannot contain !*'`();:&=+$,/?#[]{} characters\n@")
}

// TestScanEnds: no expression holds the server up, whatever keys there are.
func TestScanEnds(t *testing.T) {
	w, o := owner(t)
	for _, c := range "abcdefghij" {
		o.exec("update:public:" + strings.Repeat(string(c), 200) + "@alice v")
	}
	start := time.Now()
	w.stranger().says(`scan ([a-z]+)+!$`, "error:AT0003-Exception: the regular expression takes too long\n@")
	if took := time.Since(start); took > 2*totalTimeout {
		t.Errorf("took %v", took)
	}
	w.stranger().says("scan ^public:aaa", `data:["`+strings.Repeat("a", 200)+`@alice"]`+"\n@")
}
