package verbs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"atserver/enroll"
	"atserver/store"
)

func TestUpdate(t *testing.T) {
	_, o := owner(t)
	o.says("update:public:phone.wavi@alice +1 123 456", "data:0\n@alice@")
	o.says("update:ttl:60000:ttr:3600:ccd:true:isEncrypted:true:ivNonce:AbC=:@bob:email.wavi@alice c2VjcmV0", "data:1\n@alice@")
	o.says("update:x@alice  Hyderabad data: a:b ", "data:2\n@alice@") // the framer has cut what trails
	o.says("UPDATE:PUBLIC:Phone.Wavi@Al.ice two", "data:3\n@alice@")
	o.says("update:Isencrypted:true:@BOB:X.wavi@alice 🦄", "data:4\n@alice@")
	o.says("llookup:public:phone.wavi@alice", "data:two\n@alice@")
	o.says("llookup:x@alice", "data: Hyderabad data: a:b \n@alice@")
	o.says("llookup:@bob:x.wavi@alice", "data:🦄\n@alice@")
	o.says("llookup:all:@bob:email.wavi@alice", `data:{"key":"@bob:email.wavi@alice","data":"c2VjcmV0","metaData":{"createdBy":"@alice","updatedBy":"@alice",`+
		`"createdAt":"2026-10-01 12:00:00.000Z","updatedAt":"2026-10-01 12:00:00.000Z","expiresAt":"2026-10-01 12:01:00.000Z","refreshAt":"2026-10-01 13:00:00.000Z",`+
		`"status":"active","version":0,"ttl":60000,"ttr":3600,"ccd":true,"isBinary":false,"isEncrypted":true,"ivNonce":"AbC="}}`+"\n@alice@")
}

// TestUpdateUncommitted: some classes of keys leave no commit entry.
func TestUpdateUncommitted(t *testing.T) {
	w, o := owner(t)
	for _, k := range []string{"public:_x@alice", "public:_x.wavi@alice"} {
		o.says("update:"+k+" v", "data:-1\n@alice@")
	}
	for i, k := range []string{"_x@alice", "@bob:_x@alice", "public:__x@alice"} {
		o.says("update:"+k+" v", fmt.Sprintf("data:%d\n@alice@", i))
	}
	if log := w.commits(); strings.Join(log, " ") != "0*_x@alice 1*@bob:_x@alice 2*public:__x@alice" {
		t.Errorf("commit log %q", log)
	}
}

// TestUpdateSilently: with nc the write happens, and the entry that the key has
// is taken away (protocol 2026 §4.4).
func TestUpdateSilently(t *testing.T) {
	w, o := owner(t)
	o.says("update:x.wavi@alice one", "data:0\n@alice@")
	o.says("update:nc:x.wavi@alice two", "data:-1\n@alice@")
	o.says("llookup:x.wavi@alice", "data:two\n@alice@")
	if log := w.commits(); len(log) != 0 {
		t.Errorf("commit log %q", log)
	}
	o.says("update:nc:ttl:0:@bob:x.wavi@alice v", "data:-1\n@alice@")
	o.says("update:x.wavi@alice four", "data:1\n@alice@")
	if log := w.commits(); strings.Join(log, " ") != "1*x.wavi@alice" {
		t.Errorf("commit log %q", log)
	}
}

func TestUpdateRefused(t *testing.T) {
	w, o := owner(t)
	const syntax = "error:AT0003-Invalid syntax : Invalid syntax. e.g. update:@alice:location@bob San Francisco\n@alice@"
	const invalid = "error:AT0016-Invalid key : You may not update keys of type KeyType.invalidKey\n@alice@"
	long := strings.Repeat("x", 242)
	for line, want := range map[string]string{
		"update:":                                  syntax,
		"update:public:phone@alice":                syntax,
		"update:public:phone@alice ":               syntax,
		"update: x@alice v":                        syntax,
		"update:@bob x":                            syntax,
		"update:cached:public:x@alice v":           syntax,
		"update:cached:@bob:x@alice v":             syntax,
		"update:local:x@alice v":                   syntax,
		"update:private:x@alice v":                 syntax,
		"update:public:@bob:x@alice v":             syntax,
		"update:@bob:@carol:x@alice v":             syntax,
		"update:privatekey:at_secret v":            syntax,
		"update:privatekey:x@alice v":              syntax,
		"update:x:y@alice v":                       syntax,
		"update:x@alice@alice v":                   syntax,
		"update:ttl:5:ttl:5:x@alice v":             syntax,
		"update:unknown:5:x@alice v":               syntax,
		"update:ttl:-5:x@alice v":                  "error:AT0003-Invalid syntax : Valid value for TTL should be greater than or equal to 0\n@alice@",
		"update:phone v":                           invalid,
		"update:@bob:phone v":                      invalid,
		"update:public:country,current@alice USA":  invalid,
		"update:phöne@alice v":                     invalid,
		"update:a/b@alice v":                       invalid,
		"update:x@bob v":                           "error:AT0016-Invalid key : Invalid update command - sharedBy atsign @bob should be same as current atsign @alice\n@alice@",
		"update:public:x@B.ob v":                   "error:AT0016-Invalid key : Invalid update command - sharedBy atsign @bob should be same as current atsign @alice\n@alice@",
		"update:@alice:x@bob v":                    "error:AT0016-Invalid key : Invalid update command - sharedBy atsign @bob should be same as current atsign @alice\n@alice@",
		"update:" + long + "@alice v":              "data:0\n@alice@",
		"update:" + long + "y@alice v":             "error:AT0016-Invalid key : key length 249 is greater than max allowed 248 chars\n@alice@",
		"update:configkey v":                       "error:AT0009-UnAuthorized client in request : Connection with enrollment ID root is not authorized to update key: configkey\n@alice@",
		"update:public:signing_publickey@alice v":  "error:AT0009-UnAuthorized client in request : Cannot update protected key: 'signing_publickey@alice'\n@alice@",
		"update:@alice:signing_privatekey@alice v": "error:AT0009-UnAuthorized client in request : Cannot update protected key: 'signing_privatekey@alice'\n@alice@",
		"update:x.__manage@alice v":                "error:AT0009-UnAuthorized client in request : Connection with enrollment ID root is not authorized to update key: x.__manage@alice\n@alice@",
		"update:x.__otp@alice v":                   "error:AT0009-UnAuthorized client in request : Connection with enrollment ID root is not authorized to update key: x.__otp@alice\n@alice@",
		"update:privatekey:at_pkam_publickey v":    "error:AT0009-UnAuthorized client in request : Connection with enrollment ID root is not authorized to update key: privatekey:at_pkam_publickey\n@alice@",
	} {
		o.says(line, want)
	}
	if keys := w.keys(); len(keys) != 1 {
		t.Errorf("stored %q", keys)
	}
}

// TestUpdateImmutable: such a record stays as it is until it expires.
func TestUpdateImmutable(t *testing.T) {
	w, o := owner(t)
	o.says("update:immutable:true:ttl:1000:x.wavi@alice one", "data:0\n@alice@")
	const refused = "error:AT0032-Illegal state : Immutable records may not be updated\n@alice@"
	o.says("update:x.wavi@alice two", refused)
	o.says("update:nc:immutable:false:x.wavi@alice two", refused)
	o.says("llookup:x.wavi@alice", "data:one\n@alice@")
	if log := w.commits(); strings.Join(log, " ") != "0*x.wavi@alice" {
		t.Errorf("a refused write changed the log: %q", log)
	}
	w.move(time.Second)
	o.says("update:x.wavi@alice two", "data:1\n@alice@")
	if r, _ := w.stored("x.wavi@alice"); r.Meta.Immutable != nil || r.Meta.Version != 0 || r.Meta.TTL != nil {
		t.Errorf("the new record inherits from the expired one: %+v", r.Meta)
	}
}

// TestUpdateExpired: what has expired but is still there is not merged with.
func TestUpdateExpired(t *testing.T) {
	w, o := owner(t)
	o.says("update:ttl:1000:encoding:base64:x@alice one", "data:0\n@alice@")
	w.move(999 * time.Millisecond)
	o.says("update:x@alice two", "data:1\n@alice@")
	if r, _ := w.stored("x@alice"); r.Meta.Version != 1 || r.Meta.Encoding != "base64" || !r.Meta.ExpiresAt.Equal(epoch.Add(time.Second)) {
		t.Errorf("alive: %+v", r.Meta)
	}
	w.move(time.Millisecond)
	o.says("llookup:x@alice", "data:null\n@alice@")
	o.says("update:x@alice three", "data:2\n@alice@")
	if r, _ := w.stored("x@alice"); r.Meta.Version != 0 || r.Meta.Encoding != "" || !r.Meta.CreatedAt.Equal(epoch.Add(time.Second)) {
		t.Errorf("expired: %+v", r.Meta)
	}
	o.says("llookup:x@alice", "data:three\n@alice@")
}

// TestUpdateWho: the commit entry names the enrollment that wrote, the record
// only the atSign.
func TestUpdateWho(t *testing.T) {
	w := newWorld(t, &enroll.Enrollment{ID: "7c", Stored: enroll.Approved, Grants: enroll.Grants{"wavi": "rw"}})
	w.app("7c").says("update:x.wavi@alice v", "data:0\n@alice@")
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for c, err := range tx.Commits(-1) {
			if err != nil || c.By != "7c" {
				t.Errorf("%+v, %v", c, err)
			}
		}
		return nil
	}))
}

// TestUpdateLimits: what is as long as it may be still reads and renders well.
func TestUpdateLimits(t *testing.T) {
	_, o := owner(t)
	for i, line := range []string{
		"update:ttl:316224000000000:ttr:316224000000000:k0@alice v", "update:eAt:9999-12-31T23:59:59.999Z:k1@alice v",
		"update:uAt:0000-01-01T00:00:00Z:cAt:1969-12-31T23:59:59.999Z:k2@alice v",
	} {
		o.says(line, fmt.Sprintf("data:%d\n@alice@", i))
		sent, _ := o.exec(fmt.Sprintf("llookup:meta:k%d@alice", i))
		for _, date := range regexp.MustCompile(`At":"[^"]*"`).FindAllString(sent, -1) {
			if !regexp.MustCompile(`^At":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z"$`).MatchString(date) {
				t.Errorf("%s\nleaves %s, which clients cannot read", line, date)
			}
		}
	}
	big := strings.Repeat("0123456789", 200_000)
	o.says("update:big@alice "+big, "data:3\n@alice@")
	o.says("llookup:big@alice", "data:"+big+"\n@alice@")
}

// TestUpdateAssertedEnd: a record dies when its client says, however long ago
// that was (protocol 2026 §4.2).
func TestUpdateAssertedEnd(t *testing.T) {
	for _, end := range []string{"2026-10-01T12:00:00Z", "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z"} {
		_, o := owner(t)
		o.says("update:eAt:"+end+":x@alice v", "data:0\n@alice@")
		if sent, _ := o.exec("llookup:x@alice"); sent != "data:null\n@alice@" {
			t.Errorf("ended at %s: %q", end, sent)
		}
	}
}
