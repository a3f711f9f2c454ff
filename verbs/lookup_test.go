package verbs

import (
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

// TestLookup: the same name is another record for each who asks, with no second
// try (protocol data §7.2).
func TestLookup(t *testing.T) {
	w, o := owner(t)
	for _, k := range []string{"public:phone.wavi@alice", "@bob:phone.wavi@alice", "@alice:phone.wavi@alice", "phone.wavi@alice", "public:only@alice", "public:_h@alice", "@bob:_h@alice"} {
		o.exec("update:" + k + " of " + k)
	}
	stranger, bob, carol := w.stranger(), w.peer("@bob"), w.peer("@carol")
	stranger.says("lookup:phone.wavi@alice", "data:of public:phone.wavi@alice\n@")
	stranger.says("LOOKUP:Phone.Wavi@Al.ice", "data:of public:phone.wavi@alice\n@")
	stranger.says("lookup:bypassCache:true:phone.wavi@alice", "data:of public:phone.wavi@alice\n@")
	stranger.says("lookup:_h@alice", "data:of public:_h@alice\n@")
	bob.says("lookup:phone.wavi@alice", "data:of @bob:phone.wavi@alice\n@bob@")
	bob.says("lookup:_h@alice", "data:of @bob:_h@alice\n@bob@")
	o.says("lookup:phone.wavi@alice", "data:of @alice:phone.wavi@alice\n@alice@")

	const missing = "error:AT0015-Exception: "
	stranger.says("lookup:email@alice", missing+"public:email@alice does not exist in keystore\n@")
	stranger.says("lookup:public:phone.wavi@alice", missing+"public:public:phone.wavi@alice does not exist in keystore\n@")
	stranger.says("lookup:@bob:phone.wavi@alice", missing+"public:@bob:phone.wavi@alice does not exist in keystore\n@")
	stranger.says("lookup:x@bob", missing+"public:x@bob does not exist in keystore\n@")
	stranger.says("lookup:all:bypassCache:true:only@alice", missing+"public:bypasscache:true:only@alice does not exist in keystore\n@")
	bob.says("lookup:only@alice", missing+"@bob:only@alice does not exist in keystore\n@")
	bob.says("lookup:public:only@alice", missing+"@bob:public:only@alice does not exist in keystore\n@")
	carol.says("lookup:phone.wavi@alice", missing+"@carol:phone.wavi@alice does not exist in keystore\n@")
	o.says("lookup:only@alice", "error:AT0015-key not found : @alice:only@alice does not exist in keystore\n@alice@")
	o.says("lookup:x@bob", "error:AT0004-Socket error : no connection to the server of @bob at localhost:1\n@alice@")

	for _, line := range []string{"lookup:", "lookup:x", "lookup:@alice", "lookup:x@", "lookup::x@alice", "lookup:x@al ice", "lookup:bypassCache:x:y@alice", "lookup:all:"} {
		stranger.says(line, "error:AT0003-Exception: Invalid syntax. e.g lookup:location@bob\n@")
	}
	stranger.ends("lookup:x@al#ice", "error:AT0011-Exception: invalid @sign: Cannot contain !*'`();:&=+$,/?#[]{} characters\n@")
}

func TestLookupForms(t *testing.T) {
	w, o := owner(t)
	o.says("update:public:phone.wavi@alice +1 123 456", "data:0\n@alice@")
	const meta = `{"createdBy":"@alice","updatedBy":"@alice","createdAt":"2026-10-01 12:00:00.000Z","updatedAt":"2026-10-01 12:00:00.000Z",` +
		`"status":"active","version":0,"isBinary":false,"isEncrypted":false}`
	all := `data:{"key":"public:phone.wavi@alice","data":"+1 123 456","metaData":` + meta + "}\n"
	for _, line := range []string{"lookup:all:phone.wavi@alice", "lookup:ALL:phone.wavi@alice", "lookup:bypassCache:false:all:phone.wavi@alice"} {
		w.stranger().says(line, all+"@")
	}
	w.stranger().says("lookup:meta:phone.wavi@alice", "data:"+meta+"\n@")
	o.says("llookup:all:public:phone.wavi@alice", all+"@alice@")
	o.says("llookup:Meta:Public:phone.wavi@alice", "data:"+meta+"\n@alice@")
}

// TestLookupLiveness: nobody reads what is not yet, or no longer, alive. It is
// null as long as it is stored.
func TestLookupLiveness(t *testing.T) {
	w, o := owner(t)
	for _, k := range []string{"public:x@alice", "@bob:x@alice", "@alice:x@alice"} {
		o.exec("update:ttb:1000:ttl:1000:" + k + " v")
	}
	all := func(want string) {
		t.Helper()
		for _, form := range []string{"", "meta:", "all:"} {
			for a, prompt := range map[*actor]string{w.stranger(): "@", w.peer("@bob"): "@bob@", o: "@alice@"} {
				sent, _ := a.exec("lookup:" + form + "x@alice")
				if null := sent == "data:null\n"+prompt; null != (want == "null") {
					t.Errorf("%s%q, want %s", form, sent, want)
				}
			}
			if sent, _ := o.exec("llookup:" + form + "public:x@alice"); (sent == "data:null\n@alice@") != (want == "null") {
				t.Errorf("llookup %s%q, want %s", form, sent, want)
			}
		}
	}
	all("null")
	w.move(time.Second)
	all("alive")
	w.move(time.Second)
	all("null")
}

// TestClockSetBack: once something was written at a later time, a clock that goes
// back brings nothing back, neither to a listing nor to a lookup.
func TestClockSetBack(t *testing.T) {
	w, o := owner(t)
	o.exec("update:ttl:1000:public:x@alice v")
	w.move(time.Second)
	o.exec("update:y@alice v")
	w.move(-500 * time.Millisecond)
	w.stranger().says("scan", "data:[]\n@")
	w.stranger().says("lookup:x@alice", "data:null\n@")
	o.says("llookup:public:x@alice", "data:null\n@alice@")
}

func TestLlookup(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}})
	o, app := w.app("root"), w.app("7c")
	for _, k := range []string{"x@alice", "x.wavi@alice", "@bob:x.wavi@alice", "public:x.buzz@alice", "x.buzz@alice", "shared_key.bob@alice"} {
		o.exec("update:" + k + " of " + k)
	}
	o.says("LLOOKUP: X@Alice", "data:of x@alice\n@alice@")
	app.says("llookup:@BOB:x.Wavi@Alice", "data:of @bob:x.wavi@alice\n@alice@")
	app.says("llookup:public:x.buzz@alice", "data:of public:x.buzz@alice\n@alice@")
	app.says("llookup:shared_key.bob@alice", "data:of shared_key.bob@alice\n@alice@")
	if sent, _ := app.exec("llookup:x.buzz@alice"); !strings.HasPrefix(sent, "error:AT0009-") {
		t.Errorf("%q", sent)
	}
	// Whether a record is there is not told to who may not know.
	there, _ := app.exec("llookup:x.buzz@alice")
	absent, _ := app.exec("llookup:y.buzz@alice")
	if strings.ReplaceAll(absent, "y.buzz", "x.buzz") != there {
		t.Errorf("%q and %q differ", there, absent)
	}
	const missing = "error:AT0015-key not found : "
	o.says("llookup:nokey@alice", missing+"nokey@alice does not exist in keystore\n@alice@")
	o.says("llookup:cached:public:x@bob", missing+"cached:public:x@bob does not exist in keystore\n@alice@")
	o.says("llookup:cached:@alice:x.wavi@bob", missing+"cached:@alice:x.wavi@bob does not exist in keystore\n@alice@")
	o.says("llookup:local:x@alice", missing+"local:x@alice does not exist in keystore\n@alice@")
	o.says("llookup:x@bob", missing+"x@bob does not exist in keystore\n@alice@")
	o.says("llookup:phö:ne@alice", missing+"phö:ne@alice does not exist in keystore\n@alice@")
	for _, line := range []string{
		"llookup:", "llookup:x", "llookup:@bob", "llookup:@bob:", "llookup:@alice", "llookup:privatekey:at_secret", "llookup:all:", "llookup:a::b@alice",
		"llookup:@:x@alice", "llookup:x@y@alice", "llookup::x@alice", "llookup:@bo b:x@alice", "llookup:configkey",
	} {
		o.says(line, "error:AT0003-Invalid syntax : Invalid syntax. e.g llookup:location@bob\n@alice@")
	}
	for _, line := range []string{"llookup:private:blocklist@alice", "llookup:private:@bob:x@alice", "llookup:abc.__otp@alice", "llookup:x.new.enrollments.__manage@alice"} {
		if sent, _ := o.exec(line); !strings.HasPrefix(sent, "error:AT0009-") {
			t.Errorf("%s: %q", line, sent)
		}
	}
}

// TestReferences: a value "atsign://name@owner" stands for another record, which
// is read with the rights of who asks, and never through another's (security H13).
func TestReferences(t *testing.T) {
	w := newWorld(t, rootApp, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "r"}})
	o := w.app("root")
	for k, v := range map[string]string{
		"public:a.wavi@alice": "atsign://b.wavi@alice", "public:b.wavi@alice": "public b", "@bob:a.wavi@alice": "atsign://b.wavi@alice", "@bob:b.wavi@alice": "b for bob",
		"@bob:p.wavi@alice": "atsign://b2.wavi@alice", "public:b2.wavi@alice": "public b2",
		"@alice:a.wavi@alice": "atsign://s.buzz@alice", "@alice:s.buzz@alice": "secret", "s.buzz@alice": "secret",
		"public:self@alice": "atsign://self@alice", "public:ping@alice": "atsign://pong@alice", "public:pong@alice": "atsign://ping@alice",
		"public:1@alice": "atsign://2@alice", "public:2@alice": "atsign://3@alice", "public:3@alice": "atsign://4@alice", "public:4@alice": "end",
		"public:0@alice": "atsign://1@alice", "public:lost@alice": "atsign://nowhere@alice", "public:far@alice": "atsign://x@bob",
		"public:key@alice": "atsign://s.buzz@alice", "public:odd@alice": "atsign://", "public:odd2@alice": "atsign://public:b.wavi@alice", "public:text@alice": "see atsign://b.wavi@alice",
		"public:reserved@alice": "atsign://privatekey:at_secret@alice", "public:upper@alice": "atsign://B.Wavi@ALICE",
	} {
		if sent, _ := o.exec("update:" + k + " " + v); !strings.HasPrefix(sent, "data:") {
			t.Fatalf("%s: %q", k, sent)
		}
	}
	o.exec("update:public:dead@alice atsign://gone@alice")
	o.exec("update:ttl:1:public:gone@alice v")
	w.move(time.Millisecond)
	const missing = "error:AT0015-Exception: "
	for line, want := range map[string]string{
		"lookup:a.wavi@alice":   "data:public b",
		"lookup:upper@alice":    "data:public b",
		"lookup:text@alice":     "data:see atsign://b.wavi@alice",
		"lookup:1@alice":        "data:end", // three steps
		"lookup:0@alice":        "data:null",
		"lookup:self@alice":     "data:null",
		"lookup:ping@alice":     "data:null",
		"lookup:dead@alice":     "data:null",
		"lookup:lost@alice":     missing + "public:nowhere@alice does not exist in keystore",
		"lookup:far@alice":      missing + "public:x@bob does not exist in keystore",
		"lookup:key@alice":      missing + "public:s.buzz@alice does not exist in keystore",
		"lookup:odd@alice":      "data:atsign://",
		"lookup:odd2@alice":     missing + "public:public:b.wavi@alice does not exist in keystore",
		"lookup:reserved@alice": missing + "public:privatekey:at_secret@alice does not exist in keystore",
	} {
		w.stranger().says(line, want+"\n@")
	}
	w.peer("@bob").says("lookup:a.wavi@alice", "data:b for bob\n@bob@")
	w.peer("@bob").says("lookup:p.wavi@alice", "data:public b2\n@bob@") // for all, if there is none for him
	o.says("lookup:a.wavi@alice", "data:secret\n@alice@")
	if sent, _ := w.app("7c").exec("lookup:a.wavi@alice"); strings.Contains(sent, "secret") || !strings.HasPrefix(sent, "error:AT0015") {
		t.Errorf("an app reads by reference what it may not read: %q", sent)
	}
	// Metadata is of the record that was asked for, and llookup shows it as it is.
	if sent, _ := w.stranger().exec("lookup:all:a.wavi@alice"); !strings.HasPrefix(sent, `data:{"key":"public:a.wavi@alice","data":"public b","metaData":{`) {
		t.Errorf("%q", sent)
	}
	if sent, _ := w.stranger().exec("lookup:meta:lost@alice"); !strings.HasPrefix(sent, `data:{"createdBy"`) {
		t.Errorf("%q", sent)
	}
	o.says("llookup:public:a.wavi@alice", "data:atsign://b.wavi@alice\n@alice@")
}
