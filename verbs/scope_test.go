package verbs

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"atserver/enroll"
	"atserver/store"
)

// The oracle of TestNothingOutsideTheGrant: the rules of the protocol about text,
// written a second time and without the packages that are tested.

// grantOn is what a grant gives on a name: the longest one whose labels the name
// ends with, else "*".
func grantOn(grants enroll.Grants, name string) string {
	labels := strings.Split(name, ".")
	for i := 1; i < len(labels); i++ {
		if access, ok := grants[strings.Join(labels[i:], ".")]; ok {
			return string(access)
		}
	}
	if last := labels[len(labels)-1]; len(labels) > 1 && strings.HasPrefix(last, "__") {
		return ""
	}
	return string(grants["*"])
}

func mayRead(id string, grants enroll.Grants, key string) bool {
	name, _, _ := strings.Cut(key[strings.LastIndex(key, ":")+1:], "@")
	root := grants["*"] == "rw" && grants["__manage"] == "rw"
	switch {
	case strings.HasPrefix(key, "public:"):
		return true
	case strings.HasPrefix(key, "private:"):
		return false
	case name == "signing_privatekey":
		return root
	case name == "shared_key" && strings.HasPrefix(key, "@"), strings.HasPrefix(key, "shared_key.") && strings.Count(name, ".") == 1:
		return true
	case strings.HasSuffix(name, ".__e"):
		return strings.HasSuffix(name, "."+id+".a.__e")
	case strings.HasSuffix(name, ".__atserver"):
		return true
	case strings.HasSuffix(name, ".__manage"), strings.HasSuffix(name, ".__otp"), strings.HasSuffix(name, ".__pkams"):
		return false
	}
	return grantOn(grants, name) != ""
}

// maySync is what a device of the app keeps copies of: of what is public only what
// is its own.
func maySync(id string, grants enroll.Grants, key string) bool {
	name, _, _ := strings.Cut(key[strings.LastIndex(key, ":")+1:], "@")
	if strings.HasPrefix(key, "public:") && name != "publickey" && name != "signing_publickey" && grantOn(grants, name) == "" {
		return false
	}
	return mayRead(id, grants, key)
}

// scopeKeys are records of all kinds; each holds a mark of its own.
var scopeKeys = strings.Fields(`
	phone.wavi@alice @bob:phone.wavi@alice @alice:phone.wavi@alice public:phone.wavi@alice _hidden.wavi@alice
	x.buzz@alice x.foo.buzz@alice x.bar.foo.buzz@alice x.xbuzz@alice x.buzz.evil@alice buzz@alice @bob:x.foo.buzz@alice
	nons@alice @alice:nons@alice @bob:nons@alice public:nons@alice public:publickey@alice .wavi@alice wavi.@alice
	f.new.enrollments.__manage@alice x.__otp@alice x.__pkams@alice x.__global@alice x.wavi.__global@alice event.__atserver@alice
	k.app0.a.__e@alice k.app1.a.__e@alice k.app0.r.__e@alice @bob:k.app1.a.__e@alice
	@bob:shared_key@alice shared_key.bob@alice x.shared_key.bob@alice @bob:shared_key.wavi@alice
	@alice:signing_privatekey@alice private:blocklist@alice private:wavi.pixel.k.__private_keys.wavi@alice cached:@alice:x.wavi@bob`)

var scopeNamespaces = []string{
	"wavi", "buzz", "foo.buzz", "bar.foo.buzz", "evil", "xbuzz", "*", "__manage", "__global", "null", "a", "app0.a", "e",
}

// TestNothingOutsideTheGrant: of more than ten thousand random grants and keys,
// no verb ever returns what lies outside the grant, nor keeps back what lies in it
// (security T16).
func TestNothingOutsideTheGrant(t *testing.T) {
	grants := rapid.MapOfN(rapid.SampledFrom(scopeNamespaces), rapid.SampledFrom([]enroll.Access{enroll.Read, enroll.ReadWrite}), 0, 5)
	rapid.Check(t, func(rt *rapid.T) {
		enrollments := []*enroll.Enrollment{rootApp}
		for i := range 5 {
			enrollments = append(enrollments, &enroll.Enrollment{
				ID: fmt.Sprintf("app%d", i), App: "wavi", Device: "pixel", Stored: enroll.Approved, Grants: grants.Draw(rt, "grants"),
			})
		}
		w := newWorld(t, enrollments...)
		w.must(w.env.DB.Update(func(tx *store.Tx) error {
			for i, k := range scopeKeys {
				value := fmt.Appendf(nil, "<%d>", i)
				meta := fragments{}.merge(nil, "@alice", tx.Now())
				if _, err := tx.Put(store.Record{Key: key(k), Value: value, Meta: meta}, store.OpUpdateAll, "root"); err != nil {
					return err
				}
			}
			return nil
		}))
		for _, e := range enrollments[1:] {
			a := w.app(e.ID)
			listed := map[string]string{}
			for _, list := range []string{
				"scan", "scan:showhidden:true", "scan:cl", "scan:cl:showhidden:true .*", "sync:from:-1:limit:1000", "stats:15",
			} {
				listed[list], _ = a.exec(list)
			}
			for i, k := range scopeKeys {
				allowed := mayRead(e.ID, e.Grants, k)
				check := func(line string, shows, may bool) {
					if shows != may {
						rt.Fatalf("%v as %s: %s shows %s: %v", e.Grants, e.ID, line, k, shows)
					}
				}
				mark := fmt.Sprintf("<%d>", i)
				sent, _ := a.exec("llookup:" + k)
				check("llookup", strings.Contains(sent, mark), allowed)
				sent, _ = a.exec("llookup:all:" + k)
				check("llookup:all", strings.Contains(sent, mark), allowed)
				sent, _ = a.exec("llookup:meta:" + k)
				check("llookup:meta", strings.Contains(sent, "createdAt"), allowed)
				shown := func(list string) bool { return strings.Contains(listed[list], `"`+k+`"`) }
				check("scan", shown("scan"), allowed && k != "_hidden.wavi@alice" && !strings.HasPrefix(k, "private:"))
				check("scan:showhidden", shown("scan:showhidden:true"), allowed && !strings.HasPrefix(k, "private:"))
				for _, list := range []string{"scan:cl", "scan:cl:showhidden:true .*"} {
					if shown(list) && !allowed {
						rt.Fatalf("%v as %s: %s shows %s", e.Grants, e.ID, list, k)
					}
				}
				synced := maySync(e.ID, e.Grants, k) && !strings.HasPrefix(k, "private:")
				check("sync:from", shown("sync:from:-1:limit:1000"), synced)
				check("sync:from", strings.Contains(listed["sync:from:-1:limit:1000"], mark), synced)
				check("stats:15", strings.Contains(listed["stats:15"], `\"`+k+`\":[`), synced)
				sent, _ = a.exec(`batch:[{"id":1,"command":"llookup:` + k + `"}]`)
				check("batch", strings.Contains(sent, mark), allowed)
				if name, ok := strings.CutPrefix(k, "@alice:"); ok {
					sent, _ = a.exec("lookup:" + name)
					check("lookup", strings.Contains(sent, mark), allowed)
				}
				sent, _ = a.exec("keys:get:keyName:" + k)
				check("keys:get", strings.Contains(sent, mark), false)
			}
			for i, k := range scopeKeys { // nor does a reference lead out
				if sent, _ := a.exec("update:@alice:ref.wavi@alice atsign://" + strings.TrimPrefix(k, "@alice:")); strings.HasPrefix(sent, "data:") {
					sent, _ = a.exec("lookup:ref.wavi@alice")
					if strings.Contains(sent, fmt.Sprintf("<%d>", i)) && !mayRead(e.ID, e.Grants, k) {
						rt.Fatalf("%v: a reference shows %s", e.Grants, k)
					}
				}
			}
		}
	})
}
