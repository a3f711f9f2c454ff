package main_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestInterop runs other people's unmodified clients, and atctl beside them, against the real binary: atSigns on
// servers of their own and their directory, on loopback with TLS verified.
//
// testdata/interop/install.sh fetches the clients, so this is no part of a plain `go test ./...`.
func TestInterop(t *testing.T) {
	if os.Getenv("ATSERVER_INTEROP") != "1" {
		t.Skip("set ATSERVER_INTEROP=1 to run the real clients, after testdata/interop/install.sh")
	}
	n := startNetwork(t)
	alice, aliceCtl := n.python(t, "@alice"), n.atctl("@alice")
	bob, bobCtl := n.python(t, "@bob"), n.atctl("@bob")

	// One atSign begins with each client. The other one of its owner uses the same key file.
	n.onboard(t, alice)
	n.onboard(t, bobCtl)
	for _, a := range []*app{alice, bob} {
		t.Run(a.String()+" keeps records", a.keepsRecords)
		t.Run(a.String()+" keeps for a while", a.keepsForAWhile)
	}
	t.Run("one key file", func(t *testing.T) {
		haveTheSameKeys(t, alice, aliceCtl)
		haveTheSameKeys(t, bobCtl, bob)
	})
	// The first to speak makes the key that both clients of an atSign use from then on: atctl for @alice, the SDK for @bob.
	for _, pair := range [][2]*app{{aliceCtl, bob}, {alice, bob}, {alice, bobCtl}} {
		meet(t, pair[0], pair[1])
	}

	t.Run("java", func(t *testing.T) {
		carol := n.java(t, "@carol")
		n.onboard(t, carol)
		carol.keepsRecords(t)
		haveTheSameKeys(t, carol, n.atctl("@carol"))
		meet(t, carol, alice)
		meet(t, carol, bobCtl)
	})
}

// onboard has a client make the first keys of its owner.
func (n *network) onboard(t *testing.T, a *app) {
	t.Helper()
	if !t.Run(a.String()+" onboards", func(t *testing.T) { a.does(t, "onboard", n.secret(a.sign)) }) {
		t.FailNow()
	}
}

// meet lets the clients of two people share with each other and tell each other.
func meet(t *testing.T, a, b *app) {
	for _, way := range [][2]*app{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		t.Run(from.String()+" tells "+to.String(), func(t *testing.T) { tells(t, from, to) })
		t.Run(from.String()+" shares with "+to.String(), func(t *testing.T) { shares(t, from, to) })
	}
}

// keepsRecords puts, gets, scans and deletes what is for the owner and for everybody.
func (a *app) keepsRecords(t *testing.T) {
	keys := []string{"note.records" + a.sign, "large.records" + a.sign, "public:card.records" + a.sign}
	slices.Sort(keys)
	for _, key := range keys {
		for _, value := range []string{"with 'quotes', a : and a @", "Grüße, 日本語, 🛠", strings.Repeat("0123456789abcdef", 2048)} {
			a.does(t, "put", key, value)
			a.wants(t, value, "get", key)
		}
	}
	a.wants(t, strings.Join(keys, "\t"), "scan", `\.records@`)
	for _, key := range keys {
		a.does(t, "delete", key)
		a.lacks(t, key)
	}
	a.wants(t, "", "scan", `\.records@`)
}

// keepsForAWhile puts what ends an hour later.
func (a *app) keepsForAWhile(t *testing.T) {
	key := "brief.records" + a.sign
	a.does(t, "put", key, "for an hour", "3600000")
	a.wants(t, "3600000\t3600", "life", key)
	a.does(t, "delete", key)
}

// haveTheSameKeys tells whether two clients of one atSign read what the other wrote.
func haveTheSameKeys(t *testing.T, a, b *app) {
	for _, way := range [][2]*app{{a, b}, {b, a}} {
		for _, key := range []string{"both.keys" + a.sign, "public:both.keys" + a.sign} {
			value := "größer, by " + way[0].String()
			way[0].does(t, "put", key, value)
			way[1].wants(t, value, "get", key)
		}
	}
}

// shares lets somebody read what somebody else wrote for them, until it is deleted, and what is for everybody.
func shares(t *testing.T, from, to *app) {
	space := from.client + to.client
	key := to.sign + ":note." + space + from.sign
	for _, value := range []string{"größer, by " + from.String(), "another", strings.Repeat("0123456789abcdef", 2048)} {
		from.does(t, "put", key, value)
		to.wants(t, value, "get", key)
		from.wants(t, value, "get", key)
	}
	from.wants(t, key, "scan", `\.`+space+"@")
	from.does(t, "delete", key)
	from.lacks(t, key)
	to.lacks(t, key)

	card := "public:card." + space + from.sign
	from.does(t, "put", card, "größer, for everybody")
	to.wants(t, "größer, for everybody", "get", card)
}

// tells lets somebody hear of what somebody else says and shares, while they watch, and understand it.
func tells(t *testing.T, from, to *app) {
	space := from.client + to.client
	key := to.sign + ":news." + space + from.sign
	hears := func(operation, value string) {
		t.Helper()
		to.wants(t, strings.Join([]string{operation, from.sign, key, value}, "\t"), "next")
	}
	to.does(t, "monitor", `(shared_key|news\.`+space+")@")
	if !from.silent {
		from.does(t, "notify", key, "größer, by "+from.String()) // may be there before the monitor is
		hears("update", "größer, by "+from.String())
		from.does(t, "notify", key, "live")
		hears("update", "live")
		to.lacks(t, key)
	}
	for _, value := range []string{"a copy for " + to.String(), "another copy"} {
		from.does(t, "copy", key, value)
		hears("update", value)
		to.wants(t, value, "get", key)
	}
	if all := to.does(t, "scan", ".*"); !slices.ContainsFunc(all, func(name string) bool { return strings.HasSuffix(name, key) }) {
		t.Errorf("no copy of %s: %q", key, all)
	}
	from.does(t, "delete", key)
	hears("delete", "")
	to.lacks(t, key)
}
