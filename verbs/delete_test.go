package verbs

import (
	"fmt"
	"strings"
	"testing"

	"atserver/store"
)

// commits lists the commit log as id, operation and key.
func (w *world) commits() []string {
	w.t.Helper()
	var log []string
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for c, err := range tx.Commits(-1) {
			if err != nil {
				return err
			}
			log = append(log, fmt.Sprintf("%d%c%s", c.ID, c.Op, c.Key))
		}
		return nil
	}))
	return log
}

func TestDelete(t *testing.T) {
	w, o := owner(t)
	o.says("update:public:phone.wavi@alice v", "data:0\n@alice@")
	o.says("delete:public:phone.wavi@alice", "data:1\n@alice@")
	o.says("delete:public:phone.wavi@alice", "data:2\n@alice@") // what is not there is deleted too
	o.says("llookup:public:phone.wavi@alice", "error:AT0015-key not found : public:phone.wavi@alice does not exist in keystore\n@alice@")
	for i, line := range []string{
		"delete:never.there@alice", "DELETE:@BOB:x.wavi@alice", "delete:priority:low:a@alice", "delete:PRIORITY:High:b@alice",
		"delete:dAt:2026-10-04T10:45:00.721000Z:c@alice", "delete:dAt:2026-10-04T10:45:00Z:force:priority:medium:d@alice",
		"delete:force:e@alice", "delete:cached:public:publickey@bob", "delete:cached:@alice:x.wavi@bob", "delete:cached:public:signing_publickey@alice",
	} {
		o.says(line, fmt.Sprintf("data:%d\n@alice@", i+3))
	}
	o.says("delete:public:_x@alice", "data:-1\n@alice@")
	if log := strings.Join(w.commits(), " "); !strings.HasPrefix(log, "2-public:phone.wavi@alice 3-never.there@alice 4-@bob:x.wavi@alice 5-a@alice") {
		t.Errorf("commit log %q", log)
	}
}

// TestDeleteSilently leaves no entry, not even that of an earlier deletion.
func TestDeleteSilently(t *testing.T) {
	w, o := owner(t)
	for _, line := range []string{"delete:nc:x@alice", "delete:nc:force:priority:low:x@alice"} {
		o.exec("update:x@alice v")
		o.says(line, "data:-1\n@alice@")
		o.exec("delete:x@alice")
		o.says(line, "data:-1\n@alice@")
		if log := w.commits(); len(log) != 0 {
			t.Errorf("%s leaves %q", line, log)
		}
		if _, found := w.stored("x@alice"); found {
			t.Errorf("%s left the record", line)
		}
	}
}

func TestDeleteRefused(t *testing.T) {
	w, o := owner(t)
	o.says("update:public:publickey@alice v", "data:0\n@alice@")
	o.says("update:immutable:true:x@alice v", "data:1\n@alice@")
	const protected = "error:AT0009-UnAuthorized client in request : Cannot delete protected key: "
	const immutable = "error:AT0032-Illegal state : Immutable records may not be deleted without the force flag\n@alice@"
	for line, want := range map[string]string{
		"delete:public:publickey@alice":                 protected + "'publickey@alice'\n@alice@",
		"delete:force:nc:public:publickey@alice":        "error:AT0003-",
		"delete:force:public:publickey@alice":           protected + "'publickey@alice'\n@alice@",
		"delete:@bob:publickey@alice":                   protected + "'publickey@alice'\n@alice@", // by name alone, as ever
		"delete:public:signing_publickey@alice":         protected + "'signing_publickey@alice'\n@alice@",
		"delete:@alice:signing_privatekey@alice":        protected + "'signing_privatekey@alice'\n@alice@",
		"delete:x@alice":                                immutable,
		"delete:nc:x@alice":                             immutable,
		"delete:privatekey:at_pkam_publickey":           "error:AT0003-",
		"delete:privatekey:at_secret_deleted":           "error:AT0003-",
		"delete:private:x@alice":                        "error:AT0003-",
		"delete:local:x@alice":                          "error:AT0003-",
		"delete:public:@bob:x@alice":                    "error:AT0003-",
		"delete:public:cached:x@bob":                    "error:AT0003-",
		"delete:priority:urgent:x@alice":                "error:AT0003-",
		"delete:priority:low":                           "error:AT0003-",
		"delete:dAt:yesterday:x@alice":                  "error:AT0003-",
		"delete:":                                       "error:AT0003-",
		"delete: x@alice":                               "error:AT0003-",
		"delete:foo":                                    "error:AT0016-Invalid key : ",
		"delete:cached:x@bob":                           "error:AT0016-Invalid key : ",
		"delete:public:a/b@alice":                       "error:AT0016-Invalid key : ",
		"delete:" + strings.Repeat("x", 243) + "@alice": "error:AT0016-Invalid key : key length 249 is greater than max allowed 248 chars\n@alice@",
		"delete:configkey":                              "error:AT0009-",
		"delete:abc.__otp@alice":                        "error:AT0009-",
	} {
		if sent, end := o.exec(line); !strings.HasPrefix(sent, want) || end || strings.Count(sent, "\n") != 1 {
			t.Errorf("%s\n got %q\nwant %q", line, sent, want)
		}
	}
	if log := strings.Join(w.commits(), " "); log != "0*public:publickey@alice 1*x@alice" {
		t.Errorf("commit log %q", log)
	}
	o.says("delete:force:x@alice", "data:2\n@alice@")
	if _, found := w.stored("x@alice"); found {
		t.Error("force did not delete")
	}
}

// TestWordsInAnyCase: clients write the words of the grammar as they like.
func TestWordsInAnyCase(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"update:NC:x@alice v", "data:-1\n@alice@"},
		{"update:Nc:TTL:5:PUBLIC:x@alice v", "data:-1\n@alice@"},
		{"delete:NC:x@alice", "data:-1\n@alice@"},
		{"delete:FORCE:x@alice", "data:0\n@alice@"},
		{"delete:DAT:2026-10-04t10:45:00z:Priority:HIGH:CACHED:Public:x@bob", "data:0\n@alice@"},
		{"scan:ShowHidden:True", "data:[]\n@alice@"},
		{"lookup:BYPASSCACHE:TRUE:META:x@alice", "error:AT0015-key not found : @alice:x@alice does not exist in keystore\n@alice@"},
	} {
		_, o := owner(t)
		o.says(c.line, c.want)
	}
}
