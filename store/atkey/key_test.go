package atkey

import (
	"strings"
	"testing"
	"unsafe"
)

func TestParse(t *testing.T) {
	const alice, bob = Sign("@alice"), Sign("@bob")
	for text, want := range map[string]Key{
		"phone@alice":                         {Name: "phone", Owner: alice},
		" Phone.Wavi@Alice ":                  {Name: "phone.wavi", Owner: alice},
		"pho ne@al.ice":                       {Name: "phone", Owner: alice},
		"_hidden.wavi@alice":                  {Name: "_hidden.wavi", Owner: alice},
		"@bob:phone.wavi@alice":               {Scope: Shared, SharedWith: bob, Name: "phone.wavi", Owner: alice},
		"@alice:phone@alice":                  {Scope: Shared, SharedWith: alice, Name: "phone", Owner: alice},
		"public:a.b.c@alice":                  {Scope: Public, Name: "a.b.c", Owner: alice},
		"public:🦄🦄-1@alice":                   {Scope: Public, Name: "🦄🦄-1", Owner: alice},
		"@🦄:x@alice":                          {Scope: Shared, SharedWith: "@🦄", Name: "x", Owner: alice},
		"private:blocklist@alice":             {Scope: Private, Name: "blocklist", Owner: alice},
		"private:@bob:x@alice":                {Scope: Private, SharedWith: bob, Name: "x", Owner: alice},
		"local:x@alice":                       {Scope: Local, Name: "x", Owner: alice},
		"cached:public:publickey@bob":         {Scope: Public, Cached: true, Name: "publickey", Owner: bob},
		"cached:@alice:x.wavi@bob":            {Scope: Shared, Cached: true, SharedWith: alice, Name: "x.wavi", Owner: bob},
		"privatekey:at_secret":                {Scope: Server, Name: "privatekey:at_secret"},
		"privatekey:commitLogCompactionStats": {Scope: Server, Name: "privatekey:commitlogcompactionstats"},
		"configkey":                           {Scope: Server, Name: "configkey"},
		"_latestnotificationidv2":             {Scope: Server, Name: "_latestnotificationidv2"},
		"it's.a\"*-_@alice":                   {Name: "it's.a\"*-_", Owner: alice},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "@", "phone", "@alice", "phone@", "phone@@alice", "phone@alice@bob", "public:@bob:x@alice", "local:@bob:x@alice",
		"privatekey:foo@alice", "privatekey:foo", "privatekey:", "public:country,current@alice", "public:public:x@alice",
		"cached:x@bob", "cached:private:x@bob", "cached:local:x@bob", "cached:cached:public:x@bob", "cached:", "_", "_a:b",
		"@bob:phone", "@bob:@alice", "a\tb@alice", "a\u2028b@alice", "a\u3000b@alice", "caf\u00e9@alice", "ключ@alice", "a/b@alice",
		"x@al#ice", "x@caf\u00e9", "@bo+b:x@alice", "x\x00@alice", "x\xff@alice", "x@" + strings.Repeat("a", 56), "buzz\uff0ebuzz@alice",
	} {
		if got, err := Parse(text); err != ErrInvalid {
			t.Errorf("Parse(%q) = %+v, %v; want ErrInvalid", text, got, err)
		}
	}
}

func TestNamespaces(t *testing.T) {
	for _, c := range []struct {
		key, namespace string
		in             bool
	}{
		{"x.wavi@alice", "wavi", true},
		{"x.orders.myapp@alice", "myapp", true},
		{"x.orders.myapp@alice", "orders.myapp", true},
		{"x.orders.myapp@alice", "orders", false},
		{"x.orders.myapp@alice", "x.orders.myapp", false},
		{"x.xbuzz@alice", "buzz", false},
		{"buzz@alice", "buzz", false},
		{".buzz@alice", "buzz", true},
		{"x.buzz.evil@alice", "buzz", false},
		{"x.@alice", "", false},
		{"public:x.wavi@alice", "wavi", true},
		{"@bob:x.wavi@alice", "wavi", true},
		{"x․buzz@alice", "buzz", false}, // U+2024 looks like a dot and is none
		{"_x.y", "y", false},            // no owner, no namespace
	} {
		k, err := Parse(c.key)
		if err != nil {
			t.Fatalf("Parse(%q): %v", c.key, err)
		}
		if k.In(c.namespace) != c.in {
			t.Errorf("%q in %q = %v, want %v", c.key, c.namespace, !c.in, c.in)
		}
	}
	for key, want := range map[string]string{"a.b.c@alice": "c", "a@alice": "", "a.@alice": "", "_x.y": ""} {
		if k, _ := Parse(key); k.Namespace() != want {
			t.Errorf("namespace of %q = %q, want %q", key, k.Namespace(), want)
		}
	}
}

func TestClasses(t *testing.T) {
	for key, want := range map[string]struct{ committed, hidden, internal bool }{
		"phone@alice":             {true, false, false},
		"_phone@alice":            {true, true, false},
		"@bob:_phone@alice":       {true, false, false},
		"public:phone@alice":      {true, false, false},
		"public:_phone@alice":     {false, true, true},
		"public:__phone@alice":    {true, true, false},
		"cached:public:_x@bob":    {true, false, false},
		"cached:@alice:x@bob":     {true, false, false},
		"private:blocklist@alice": {false, true, true},
		"local:x@alice":           {false, false, false},
		"privatekey:at_secret":    {false, true, true},
		"_latestnotificationidv2": {true, true, true},
	} {
		k, err := Parse(key)
		if err != nil {
			t.Fatalf("Parse(%q): %v", key, err)
		}
		if k.Committed() != want.committed || k.Hidden() != want.hidden || k.Internal() != want.internal {
			t.Errorf("%q: committed %v hidden %v internal %v, want %v", key, k.Committed(), k.Hidden(), k.Internal(), want)
		}
	}
}

func TestReserved(t *testing.T) {
	for key, want := range map[string]Reserved{
		"@bob:shared_key@alice":           SharedKey,
		"shared_key.bob@alice":            SharedKey,
		"public:publickey@alice":          PublicKey,
		"public:signing_publickey@alice":  PublicKey,
		"cached:public:publickey@bob":     PublicKey,
		"cached:@alice:shared_key@bob":    NotReserved,
		"@alice:signing_privatekey@alice": SigningKey,
		"privatekey:at_pkam_publickey":    PrivateKey,
		"private:blocklist@alice":         BlockList,
		"configkey":                       ConfigKey,
		"x.shared_key.bob@alice":          NotReserved,
		"@bob:shared_key.foo@alice":       NotReserved,
		"shared_key.bob.buzz@alice":       NotReserved,
		"publickey@alice":                 NotReserved,
		"@bob:publickey@alice":            NotReserved,
		"private:@bob:blocklist@alice":    NotReserved,
		"_latestnotificationidv2":         NotReserved,
		"local:blocklist@alice":           NotReserved,
	} {
		k, err := Parse(key)
		if err != nil || k.Reserved() != want {
			t.Errorf("%q: reserved %v, %v; want %v", key, k.Reserved(), err, want)
		}
	}
}

func TestLengths(t *testing.T) {
	for _, c := range []struct {
		key         string
		length, max int
	}{
		{"phone@alice", 11, 248},
		{"🦄@alice", 8, 248},
		{"cached:public:x@bob", 19, 255},
	} {
		k, err := Parse(c.key)
		if err != nil || k.Length() != c.length || k.MaxLength() != c.max {
			t.Errorf("%q: %d of %d, %v; want %d of %d", c.key, k.Length(), k.MaxLength(), err, c.length, c.max)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"phone.wavi@alice", "@bob:x@alice", "public:🦄@alice", "cached:@a:b.c@d", "private:@b:x@a",
		"privatekey:at_secret", "_x", "PUBLIC: X@A.B", "shared_key.bob@alice", "x\u2024y@a", "K@k"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(text)
		if err != nil {
			if k != (Key{}) {
				t.Fatalf("Parse(%q) gives %+v with an error", text, k)
			}
			return
		}
		again, err := Parse(k.String())
		if err != nil || again != k {
			t.Fatalf("Parse(%q) = %+v, but its text %q gives %+v, %v", text, k, k.String(), again, err)
		}
		if ns := k.Namespace(); ns != "" && !k.In(ns) {
			t.Fatalf("%q is not in its own namespace %q", k, ns)
		}
		if strings.ContainsAny(k.String(), " \t\r\n\x00") {
			t.Fatalf("%q keeps white space", k)
		}
		if k.Internal() && !k.Hidden() {
			t.Fatalf("%q is internal but not hidden", k)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("@bob:phone.wavi@alice"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCloneKey(t *testing.T) {
	for _, text := range []string{"x.wavi@alice", "@bob:x.wavi@alice", "cached:@alice:x.wavi@bob", "public:x@alice", "local:x.wavi@alice"} {
		k, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if c := k.Clone(); c != k || unsafe.StringData(c.Name) == unsafe.StringData(k.Name) ||
			unsafe.StringData(string(c.Owner)) == unsafe.StringData(string(k.Owner)) {
			t.Errorf("%s: the clone is %+v", text, c)
		}
	}
}
