package enroll

import (
	"testing"
)

func TestIncludes(t *testing.T) {
	for _, c := range []struct {
		has, want Access
		ok        bool
	}{
		{ReadWrite, ReadWrite, true}, {ReadWrite, Read, true}, {Read, Read, true}, {Read, ReadWrite, false},
		{None, Read, false}, {None, ReadWrite, false}, {None, None, false}, {ReadWrite, None, false},
		{"w", Read, false}, {"w", "w", false}, {"rwx", Read, false}, {"RW", Read, false}, {"R", Read, false}, {ReadWrite, "x", false},
	} {
		if c.has.Includes(c.want) != c.ok {
			t.Errorf("%q includes %q = %v", c.has, c.want, !c.ok)
		}
	}
}

// TestOn is the namespace rule alone: the longest grant that ends at a dot
// decides, "*" is the shortest of all and stays outside the reserved names.
func TestOn(t *testing.T) {
	app := Grants{"app": "rw"}
	nested := Grants{"buzz": "r", "foo.buzz": "rw"}
	reverse := Grants{"buzz": "rw", "foo.buzz": "r"}
	all := Grants{Any: "rw"}
	reserved := Grants{Any: "rw", Manage: "rw", "__otp": "rw", "__global": "r"}
	for _, c := range []struct {
		grants Grants
		key    string
		want   Access
	}{
		{app, "x.app@alice", ReadWrite},
		{app, "y.x.app@alice", ReadWrite},
		{app, "@bob:x.app@alice", ReadWrite},
		{app, "public:x.app@alice", ReadWrite},
		{app, "cached:@alice:x.app@bob", ReadWrite},
		{app, "local:x.app@alice", ReadWrite},
		{app, ".app@alice", ReadWrite},
		{app, "myapp@alice", None},
		{app, "x.myapp@alice", None},
		{app, "app@alice", None},
		{app, "app.evil@alice", None},
		{app, "x.app.evil@alice", None},
		{app, "x.app.@alice", None},
		{app, "app.app.@alice", None},
		{app, "x@alice", None},
		{app, "_x.app", None}, // has no owner, so no namespace either

		{nested, "x.buzz@alice", Read},
		{nested, "x.foo.buzz@alice", ReadWrite},
		{nested, "x.y.foo.buzz@alice", ReadWrite},
		{nested, "foo.buzz@alice", Read},
		{nested, "x.barfoo.buzz@alice", Read},
		{reverse, "x.buzz@alice", ReadWrite},
		{reverse, "x.foo.buzz@alice", Read},
		{reverse, "x.y.foo.buzz@alice", Read},
		{reverse, "foo.buzz@alice", ReadWrite},
		{Grants{Any: "rw", "buzz": "r"}, "x.buzz@alice", Read},
		{Grants{Any: "r", "buzz": "rw"}, "x.buzz@alice", ReadWrite},
		{Grants{Any: "rw", "buzz": None}, "x.buzz@alice", None},
		{Grants{Any: "rw", "buzz": None}, "x.buzzz@alice", ReadWrite},

		{all, "x@alice", ReadWrite},
		{all, "x.app@alice", ReadWrite},
		{all, "_x.app", ReadWrite},
		{all, "x.null@alice", ReadWrite},
		{all, "x.*@alice", ReadWrite},
		{all, "x.__manage.app@alice", ReadWrite}, // only the last label is reserved
		{all, "x.__manage@alice", None},
		{all, "x.y.__manage@alice", None},
		{all, "x.__otp@alice", None},
		{all, "x.__pkams@alice", None},
		{all, "x.__global@alice", None},
		{all, "x.__atserver@alice", None},
		{all, "x.id.a.__e@alice", None},
		{Grants{"null": "rw"}, "x@alice", None},
		{Grants{Any: "r"}, "x.*@alice", Read}, // "*" in a name is a character
		{Grants{"app": "rw", Any: "r"}, "x.app.*@alice", Read},
		{Grants{}, "x@alice", None},
		{nil, "x.app@alice", None},
		{reserved, "x.__global@alice", Read},
		{reserved, "x.y.__global@alice", Read},
		{reserved, "x.__pkams@alice", None},
	} {
		if got := c.grants.on(key(c.key)); got != c.want {
			t.Errorf("%v on %s = %q, want %q", c.grants, c.key, got, c.want)
		}
	}
}

// TestLongestMatchIsStable makes the maps anew each time: their order, which
// differs from run to run, must not decide (security, hole 7).
func TestLongestMatchIsStable(t *testing.T) {
	for range 1000 {
		for _, c := range []struct {
			grants Grants
			key    string
			want   Access
		}{
			{Grants{"buzz": "r", "foo.buzz": "rw", Any: "r", "bar.foo.buzz": "r"}, "x.foo.buzz@alice", ReadWrite},
			{Grants{"buzz": "r", "foo.buzz": "rw", Any: "r", "bar.foo.buzz": "r"}, "x.bar.foo.buzz@alice", Read},
			{Grants{"foo.buzz": "r", "buzz": "rw", Any: "rw", "bar.foo.buzz": "rw"}, "x.foo.buzz@alice", Read},
			{Grants{"foo.buzz": "r", "buzz": "rw", Any: "rw", "bar.foo.buzz": "rw"}, "x.buzz@alice", ReadWrite},
		} {
			if got := c.grants.on(key(c.key)); got != c.want {
				t.Fatalf("%v on %s = %q, want %q", c.grants, c.key, got, c.want)
			}
		}
	}
}

func TestIsRoot(t *testing.T) {
	for _, c := range []struct {
		grants Grants
		want   bool
	}{
		{Root(), true},
		{Grants{Any: "rw", Manage: "rw", "app": "r"}, true},
		{Grants{Any: "rw"}, false},
		{Grants{Manage: "rw"}, false},
		{Grants{Any: "rw", Manage: "r"}, false},
		{Grants{Any: "r", Manage: "rw"}, false},
		{Grants{"a": "rw", "b": "rw", Manage: "rw"}, false},
		{nil, false},
	} {
		if c.grants.IsRoot() != c.want {
			t.Errorf("%v is root: %v", c.grants, !c.want)
		}
	}
}

// TestCovers says who may give what to whom (security T22).
func TestCovers(t *testing.T) {
	for _, c := range []struct {
		giver, given Grants
		want         bool
	}{
		{Root(), Root(), true},
		{Root(), Grants{}, true},
		{Root(), Grants{"app": "rw", "buzz": "r"}, true},
		{Grants{}, Grants{}, true},
		{Grants{}, Grants{"app": "r"}, false},
		{Grants{"app": "rw"}, Grants{"app": "r"}, true},
		{Grants{"app": "r"}, Grants{"app": "rw"}, false},
		{Grants{"app": "rw"}, Grants{"x.app": "rw"}, true},
		{Grants{"x.app": "rw"}, Grants{"app": "r"}, false},
		{Grants{"app": "rw"}, Grants{"myapp": "r"}, false},
		{Grants{"app": "rw"}, Grants{Any: "r"}, false},
		{Grants{Any: "r"}, Grants{Any: "rw"}, false},
		{Grants{Any: "rw"}, Grants{Any: "rw", Manage: "r"}, false},
		{Grants{Any: "rw", Manage: "r"}, Grants{Manage: "rw"}, false},
		{Grants{Any: "rw", Manage: "r"}, Grants{Manage: "r", "app": "rw"}, true},
		{Grants{Manage: "rw"}, Grants{"app": "r"}, false},
		{Root(), Grants{"app": "w"}, false},
		{Root(), Grants{"app": None}, false},

		// What the giver has less of somewhere below, the gift must not reach.
		{Grants{"app": "rw", "x.app": "r"}, Grants{"app": "rw"}, false},
		{Grants{"app": "rw", "x.app": "r"}, Grants{"app": "r"}, true},
		{Grants{"app": "rw", "x.app": "r"}, Grants{"app": "rw", "x.app": "r"}, true},
		{Grants{Any: "rw", Manage: "rw", "app": "r"}, Root(), false},
		{Grants{Any: "rw", "app": None}, Grants{Any: "r"}, false},

		// To manage is no data, not even in what looks like a part of it: who writes
		// somewhere may write the symmetric keys of pairs.
		{Grants{Manage: "rw"}, Grants{"x.__manage": "rw"}, false},

		// Nobody gives what nobody has.
		{Root(), Grants{"__otp": "r"}, false},
		{Root(), Grants{"__global": "r"}, false},
		{Root(), Grants{"id.a.__e": "r"}, false},
		{Root(), Grants{"__atserver": "r"}, false},
	} {
		if c.giver.Covers(c.given) != c.want {
			t.Errorf("%v covers %v = %v", c.giver, c.given, !c.want)
		}
	}
}
