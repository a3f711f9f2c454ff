package enroll

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"atserver/store/atkey"
)

// Few labels, so that grants and keys meet often.
var (
	labels = []string{"a", "b", "app", "myapp", "buzz", "*", "x", "shared_key", "bob",
		Manage, "__otp", "__pkams", "__global", serverEvents, enrollmentData, me, other}
	wholeNames = []string{"shared_key", "shared_key.bob", "publickey", "signing_publickey", "signing_privatekey",
		"blocklist", "x." + me + ".a.__e", "x." + other + ".a.__e", "_x", "__x"}
	serverNames = []string{CRAMSecretKey, LegacyKey, "privatekey:self_encryption_key", "privatekey:at_secret_deleted",
		"configkey", "_x", "_x.app"}
	accesses = []Access{Read, ReadWrite, Read, ReadWrite, Read, ReadWrite, None, "w"}
)

func dotted(label *rapid.Generator[string], most int) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(label, 1, most), func(s []string) string { return strings.Join(s, ".") })
}

var (
	anyNamespace = rapid.OneOf(dotted(rapid.SampledFrom(labels), 3), rapid.SampledFrom([]string{Any, Manage, me + ".a.__e"}))
	anyName      = rapid.OneOf(dotted(rapid.SampledFrom(labels), 4), rapid.SampledFrom(wholeNames))
	anyGrants    = rapid.Map(
		rapid.MapOfN(anyNamespace, rapid.SampledFrom(accesses), 0, 5),
		func(m map[string]Access) Grants { return m })
)

// anyKey makes every class of keys.
var anyKey = rapid.Custom(func(t *rapid.T) atkey.Key {
	signs := rapid.SampledFrom([]string{"@alice", "@bob", "@carol"})
	name := anyName.Draw(t, "name") + signs.Draw(t, "owner")
	switch class := rapid.SampledFrom([]string{
		"", "public:", "cached:public:", "private:", "local:", "shared", "cached:", "server",
	}).Draw(t, "class"); class {
	case "server":
		return key(rapid.SampledFrom(serverNames).Draw(t, "server name"))
	case "shared":
		return key(signs.Draw(t, "recipient") + ":" + name)
	case "cached:":
		return key(class + signs.Draw(t, "recipient") + ":" + name)
	default:
		return key(class + name)
	}
})

var anyNeed = rapid.Custom(func(t *rapid.T) Need {
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0:
		return ToManage(Read)
	case 1:
		return ToManage(ReadWrite)
	case 2:
		return ToRule()
	}
	to := rapid.SampledFrom([]func(atkey.Key) Need{ToRead, ToWrite, ToDelete}).Draw(t, "act")
	return to(anyKey.Draw(t, "key"))
})

// needs draws enough of them that a property which is checked a hundred times
// sees 10,000.
func needs(t *rapid.T) []Need { return rapid.SliceOfN(anyNeed, 100, 150).Draw(t, "needs") }

func strength(a Access) int { return map[Access]int{Read: 1, ReadWrite: 2}[a] }

// implies reports what before allows and after does not.
func implies(t *rapid.T, before, after Grants, needs []Need) {
	for _, n := range needs {
		if before.allow(me, &n) && !after.allow(me, &n) {
			t.Fatalf("%v allows %+v on %q, %v does not", before, n, n.key.String(), after)
		}
	}
}

// TestMoreIsMore: to raise an access, or to add a grant at least as strong as
// the one that covers its namespace so far, takes no right away.
func TestMoreIsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := anyGrants.Draw(t, "grants")
		namespace := anyNamespace.Draw(t, "namespace")
		covered := before.at(namespace)
		if namespace == Any || namespace == Manage {
			covered = before[namespace]
		}
		access := rapid.SampledFrom([]Access{Read, ReadWrite}).Draw(t, "access")
		if strength(access) < strength(covered) {
			access = covered
		}
		after := maps.Clone(before)
		after[namespace] = access
		implies(t, before, after, needs(t))
	})
}

// TestRaisingIsMore raises one grant that is there.
func TestRaisingIsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := anyGrants.Filter(func(g Grants) bool { return len(g) > 0 }).Draw(t, "grants")
		namespace := rapid.SampledFrom(slices.Sorted(maps.Keys(before))).Draw(t, "namespace")
		after := maps.Clone(before)
		after[namespace] = ReadWrite
		implies(t, before, after, needs(t))
	})
}

// pairKey is the key that this atSign uses with one other.
var pairKey = regexp.MustCompile(`^shared_key\.[^.@:]+@`)

// TestNothingGranted: without grants an app may do what every app may, and that
// is told by the text of the key alone.
func TestNothingGranted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, n := range needs(t) {
			k := n.key.String()
			read := n.kind == needData && n.access == Read
			everybody := strings.HasPrefix(k, "public:") && read ||
				strings.HasPrefix(k, "cached:public:") && read ||
				strings.Contains(k, ":shared_key@") && read || pairKey.MatchString(k) && read ||
				strings.Contains(k, ".__atserver@") && read ||
				strings.Contains(k, "."+me+".a.__e@") && !strings.HasPrefix(k, "private:")
			for _, g := range []Grants{nil, {}, {"app": None}, {"app": "w"}, {"unrelated": "r"}} {
				if g.allow(me, &n) && !everybody {
					t.Fatalf("%v allows %+v on %q", g, n, k)
				}
			}
		}
	})
}

// TestReservedStaysClosed: no grants whatever reach what is the server's own, nor
// the data of another enrollment. Public records may be read.
func TestReservedStaysClosed(t *testing.T) {
	closed := []string{".__manage@", ".__otp@", ".__pkams@", "." + other + ".a.__e@", "." + me + ".r.__e@"}
	rapid.Check(t, func(t *rapid.T) {
		g := anyGrants.Draw(t, "grants")
		if rapid.Bool().Draw(t, "and all") {
			maps.Copy(g, Root())
		}
		for _, n := range needs(t) {
			k := n.key
			text := k.String()
			shut := slices.ContainsFunc(closed, func(s string) bool { return strings.Contains(text, s) }) ||
				k.Scope == atkey.Private || text == "configkey" ||
				strings.HasPrefix(text, "privatekey:") && (n.kind != needDelete || text != CRAMSecretKey)
			if pairKey.MatchString(text) {
				continue // shared_key.__manage@alice is a pair's key, not data of __manage
			}
			if shut && n.kind != needManage && n.kind != needRoot && !(k.Scope == atkey.Public && n.access == Read) && g.allow(me, &n) {
				t.Fatalf("%v allows %+v on %q", g, n, text)
			}
		}
	})
}

// TestManageIsNotData: the right to manage changes no answer about a record.
func TestManageIsNotData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		without := anyGrants.Draw(t, "grants")
		delete(without, Manage)
		with := maps.Clone(without)
		with[Manage] = rapid.SampledFrom([]Access{Read, ReadWrite}).Draw(t, "access")
		for _, n := range needs(t) {
			root := n.key.Reserved() != atkey.NotReserved && with.IsRoot()
			data := n.kind == needData || n.kind == needDelete
			if data && !root && with.allow(me, &n) != without.allow(me, &n) {
				t.Fatalf("%v and %v differ about %+v on %q", with, without, n, n.key.String())
			}
		}
	})
}

// TestCoveredIsContained: whatever an app may do that somebody approved, that
// somebody may do, for every key.
func TestCoveredIsContained(t *testing.T) {
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		parent := anyGrants.Draw(t, "parent")
		// Half of the children are made from the parent, or few would be covered.
		child := Grants{}
		if rapid.Bool().Draw(t, "related") {
			for namespace := range parent {
				switch rapid.IntRange(0, 2).Draw(t, "take") {
				case 0:
					child[namespace] = rapid.SampledFrom(accesses).Draw(t, "access")
				case 1:
					child["x."+namespace] = rapid.SampledFrom(accesses).Draw(t, "access")
				}
			}
		} else {
			child = anyGrants.Draw(t, "child")
		}
		if !parent.Covers(child) {
			return
		}
		met++
		implies(t, child, parent, needs(t))
	})
	if !t.Failed() && met < 10 {
		t.Errorf("only %d pairs were covered: the test does not test", met)
	}
}

// TestCoversIsAnOrder: it holds for oneself, and along a chain of approvals.
func TestCoversIsAnOrder(t *testing.T) {
	sound := rapid.Map(rapid.MapOfN(anyNamespace, rapid.SampledFrom([]Access{Read, ReadWrite}), 0, 4),
		func(m map[string]Access) Grants { return m })
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := sound.Draw(t, "a"), sound.Draw(t, "b"), sound.Draw(t, "c")
		if !a.Covers(a) {
			t.Fatalf("%v does not cover itself", a)
		}
		if a.Covers(b) && b.Covers(c) && !a.Covers(c) {
			t.Fatalf("%v covers %v covers %v, but not the last", a, b, c)
		}
		for namespace, access := range a {
			reserved := strings.Contains(namespace, "__") && namespace != Manage
			if !reserved && !Root().Covers(Grants{namespace: access}) {
				t.Fatalf("the owner does not cover %s", namespace)
			}
		}
	})
}

// TestSpelling: a key is judged the same however it is typed.
func TestSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGrants.Draw(t, "grants")
		for _, n := range needs(t) {
			if n.key.Name == "" {
				continue
			}
			var typed strings.Builder
			typed.WriteString(rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "before"))
			owner := false
			for i, r := range n.key.String() {
				c := string(r)
				switch rapid.IntRange(0, 4).Draw(t, "twist") {
				case 0:
					c = strings.ToUpper(c)
				case 1:
					c += " "
				case 2:
					if owner && i > 0 && r != '@' {
						c += "."
					}
				}
				owner = r == '@' && i > 0 && n.key.Scope != atkey.Server
				typed.WriteString(c)
			}
			again := n
			again.key = key(typed.String())
			if again.key != n.key || g.allow(me, &again) != g.allow(me, &n) {
				t.Fatalf("%q is not judged like %q", typed.String(), n.key.String())
			}
		}
	})
}
