package store

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"atserver/store/atkey"
)

const me = atkey.Sign("@alice")

var signs = []atkey.Sign{me, "@bob", "@carol", "@🦄"}

func genName() *rapid.Generator[string] {
	return rapid.StringMatching(`[a-c._*"'-]{1,6}|([a-c]{1,2}\.){0,3}[a-c]{1,2}|🦄\.[ab]`)
}

// genKey makes any key that has a place in the store.
func genKey() *rapid.Generator[atkey.Key] {
	return rapid.Custom(func(t *rapid.T) atkey.Key {
		sign := rapid.SampledFrom(signs)
		switch rapid.IntRange(0, 9).Draw(t, "pair") {
		case 0:
			return atkey.Key{Scope: atkey.Shared, SharedWith: sign.Draw(t, "recipient"), Name: "shared_key", Owner: me}
		case 1:
			return atkey.Key{Name: "shared_key." + sign.Draw(t, "peer").Bare(), Owner: me}
		}
		k := atkey.Key{
			Scope: rapid.SampledFrom([]atkey.Scope{atkey.Self, atkey.Shared, atkey.Public, atkey.Private, atkey.Local, atkey.Server}).Draw(t, "scope"),
			Name:  genName().Draw(t, "name"),
		}
		if k.Scope == atkey.Server {
			k.Name = rapid.SampledFrom([]string{"configkey", "_x", "_x.b", "privatekey:at_secret"}).Draw(t, "server key")
			return k
		}
		k.Owner = sign.Draw(t, "owner")
		switch k.Scope {
		case atkey.Shared:
			k.SharedWith = sign.Draw(t, "recipient")
			k.Cached = rapid.Bool().Draw(t, "cached")
		case atkey.Public:
			k.Cached = rapid.Bool().Draw(t, "cached")
		case atkey.Private:
			if rapid.Bool().Draw(t, "with peer") {
				k.SharedWith = sign.Draw(t, "peer")
			}
		}
		return k
	})
}

func TestSuffixRebuildsTheKey(t *testing.T) {
	l := layout{me}
	rapid.Check(t, func(t *rapid.T) {
		a, b := genKey().Draw(t, "a"), genKey().Draw(t, "b")
		sa, err := l.suffix(a)
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		if back, err := l.key(sa); err != nil || back != a {
			t.Fatalf("%+v became %q became %+v, %v", a, sa, back, err)
		}
		sb, err := l.suffix(b)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(sa, sb) != (a == b) {
			t.Fatalf("%+v and %+v are both %q", a, b, sa)
		}
	})
}

func TestSuffixOfParsedKeys(t *testing.T) {
	for text, want := range map[string]string{
		"x@alice":                  "s\x00x",
		"x.orders.myapp@alice":     "s\x00myapp.orders.x",
		"x.b@bob":                  "s\x00b.x\x00@bob",
		"@bob:x.b@alice":           "h@bob\x00b.x",
		"@bob:shared_key@alice":    "Y@bob\x00shared_key",
		"shared_key.bob@alice":     "y\x00bob.shared_key",
		"x.shared_key.bob@alice":   "s\x00bob.shared_key.x",
		"@alice:x@alice":           "h@alice\x00x",
		"public:x.b@alice":         "p\x00b.x",
		"private:@bob:x@alice":     "v@bob\x00x",
		"private:blocklist@alice":  "v\x00blocklist",
		"local:x@alice":            "l\x00x",
		"cached:public:x.b@bob":    "P@bob\x00b.x",
		"cached:@alice:x.b@bob":    "H@bob\x00b.x",
		"cached:@carol:x.b@bob":    "H@bob\x00b.x\x00@carol",
		"privatekey:at_secret":     "x\x00privatekey:at_secret",
		"_latestnotificationid.v2": "x\x00_latestnotificationid.v2",
	} {
		k, err := atkey.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := layout{me}.suffix(k)
		if err != nil || string(got) != want {
			t.Errorf("suffix of %s = %q, %v; want %q", text, got, err, want)
		}
	}
}

// A namespace is a prefix: that is what erasing and listing rest on.
func TestNamespaceIsPrefix(t *testing.T) {
	l := layout{me}
	rapid.Check(t, func(t *rapid.T) {
		k := genKey().Draw(t, "key")
		space := genName().Draw(t, "namespace")
		suffix, err := l.suffix(k)
		if err != nil {
			t.Fatal(err)
		}
		name := suffix[1+bytes.IndexByte(suffix[1:], 0)+1:]
		prefix := prefixes([]string{space})[0]
		got := k.Scope != atkey.Server && strings.HasPrefix(string(name), prefix)
		if got != k.In(space) {
			t.Fatalf("%s in %q: prefix says %v", k, space, got)
		}
	})
}

func TestSuffixRefusesWhatIsNoKey(t *testing.T) {
	for _, k := range []atkey.Key{
		{},
		{Owner: me},
		{Name: "x"},
		{Name: "x\x00y", Owner: me},
		{Name: "x", Owner: "@b\x00b"},
		{Name: "x", Owner: me, SharedWith: "@bob"},
		{Name: "x", Owner: me, Cached: true},
		{Scope: atkey.Shared, Name: "x", Owner: me},
		{Scope: atkey.Shared, Name: "x", SharedWith: "@bob"},
		{Scope: atkey.Shared, Name: "x", Owner: me, SharedWith: "@b\x00b"},
		{Scope: atkey.Shared, Cached: true, Name: "x", Owner: "@bob"},
		{Scope: atkey.Shared, Cached: true, Name: "x", SharedWith: me},
		{Scope: atkey.Public, Name: "x", Owner: me, SharedWith: "@bob"},
		{Scope: atkey.Public, Cached: true, Name: "x", Owner: "@bob", SharedWith: me},
		{Scope: atkey.Private, Cached: true, Name: "x", Owner: me},
		{Scope: atkey.Server, Name: "configkey", Owner: me},
		{Scope: atkey.Server, Name: "configkey", SharedWith: me},
		{Scope: 77, Name: "x", Owner: me},
	} {
		if suffix, err := (layout{me}).suffix(k); err == nil {
			t.Errorf("%+v has suffix %q", k, suffix)
		}
	}
	for _, suffix := range []string{"", "s", "s\x00", "z\x00x", "s@bob\x00x", "s\x00x\x00", "s\x00x\x00@alice", "s\x00x\x00a\x00b", "h\x00x", "P\x00x", "P@bob\x00x\x00@carol", "x\x00x\x00@bob"} {
		if k, err := (layout{me}).key([]byte(suffix)); err == nil {
			t.Errorf("%q is %+v", suffix, k)
		}
	}
}

func TestPrefixesDropWhatAnotherCovers(t *testing.T) {
	got := prefixes([]string{"b", "a.b", "c", "x.a.b", "b", "ab", ""})
	if s := strings.Join(got, " "); s != "ab. b. c." {
		t.Errorf("prefixes = %q", s)
	}
	if prefixes(nil) != nil {
		t.Error("all namespaces became some")
	}
	if p := prefixes([]string{}); p == nil || len(p) != 0 {
		t.Error("no namespace became some")
	}
}
