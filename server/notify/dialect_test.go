package notify

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"atserver/store"
)

// What a server lists it has, unless it is said to be retired; anything else it lists
// is no matter of ours.
func TestReadFeatures(t *testing.T) {
	for brief, want := range map[string]dialect{
		`{"version":"3.17.1","features":[{"name":"notify.eph","status":"GA","description":"d"},{"name":"notify.eAtn","status":"Beta"}]}`: {eAtn: true, eph: true},
		`{"features":[{"name":"notify.eph"},{"name":"gate","status":"GA"}]}`:                                                             {eph: true},
		`{"features":[{"name":"notify.eAtn","status":"Future"},{"name":"notify.eph","status":"Retired"}]}`:                               {eAtn: true},
		`{"features":[{"name":"notify.eAtn","status":"GA"},{"name":"notify.eAtn","status":"Retired"}]}`:                                  {},
		`{"features":[{"name":"notify.eph","status":null},{"name":"notify.eAtn","status":7}]}`:                                           {eAtn: true, eph: true},
		`{"version":"3.0.52","uptimeAsMillis":1}`:                                                                                        {},
		`{"features":"all"}`: {}, "no JSON": {}, "": {},
	} {
		want.asked = true
		if got := readFeatures(brief); got != want {
			t.Errorf("%s: %+v", brief, got)
		}
	}
}

const knowsBoth = `data:{"version":"3.17.1","features":[{"name":"notify.eph","status":"GA"},{"name":"notify.eAtn","status":"GA"}]}`

// A server is asked what it understands when that matters, once, and told by its
// own words. One that cannot say is told as all are.
func TestDialects(t *testing.T) {
	db := database(t, time.Now, nil)
	brief := func(answer string) *other {
		return listen(t, func(line string) string {
			if line == "info:brief\n" {
				return answer
			}
			return "data:success"
		})
	}
	know := places{"@bob": brief(knowsBoth), "@old": brief(`data:{"version":"3.0.52"}`), "@odd": brief("error:AT0401-Exception: x")}
	o := run(t, db, know)
	end := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
	for to, of := range know {
		for _, n := range []store.Notification{{ID: "plain"}, {ID: "until", Until: true}, {ID: "fleeting", Ephemeral: true}, {ID: "both", Until: true, Ephemeral: true}} {
			n.To, n.Expires = to, end
			enqueue(t, db, o.Outbox, n)
			want := n.ID
			eventually(t, func() bool { status, _ := statusOf(t, db, want); return status == store.Delivered })
		}
		said := of.said()
		told := of.told()
		if want := map[bool]int{true: 3, false: 1}[to == "@odd"]; len(said)-len(told) != want || said[0] == "info:brief" {
			t.Errorf("%s was asked: %q", to, said)
		}
		for i, has := range [][2]bool{{}, {true, false}, {false, true}, {true, true}} {
			until, eph := has[0] && to == "@bob", has[1] && to == "@bob"
			if strings.Contains(told[i], ":eAtn:"+end.Format("2006-01-02T15:04:05.000Z")) != until || strings.Contains(told[i], ":ttln:") == until ||
				strings.Contains(told[i], ":eph:") != eph {
				t.Errorf("%s was told %q", to, told[i])
			}
		}
	}
}

// A server that comes back as another one is asked anew; one that says it
// understands and does not is told as in 2024.
func TestDialectIsForgotten(t *testing.T) {
	db := database(t, time.Now, nil)
	var year atomic.Int32 // 0: down
	year.Store(2026)
	bob := listen(t, func(line string) string {
		switch {
		case year.Load() == 0:
			return "error:AT0024-Exception: Server is paused"
		case line == "info:brief\n":
			return knowsBoth
		case year.Load() == 2024 && strings.Contains(line, ":eAtn:"):
			return "error:AT0003-Exception: Invalid syntax"
		}
		return "data:success"
	})
	o := run(t, db, places{"@bob": bob})
	tell := func(id string) {
		enqueue(t, db, o.Outbox, store.Notification{ID: id, To: "@bob", Until: true})
	}
	arrives := func(id, part string) {
		t.Helper()
		eventually(t, func() bool { status, _ := statusOf(t, db, id); return status == store.Delivered })
		if said := bob.said(); !strings.Contains(said[len(said)-1], part) {
			t.Errorf("said %q", said)
		}
	}
	tell("first")
	arrives("first", ":eAtn:")
	year.Store(2024)
	tell("second")
	arrives("second", ":ttln:")
	year.Store(0)
	before := len(bob.said())
	tell("third")
	eventually(t, func() bool { return len(bob.said()) > before })
	year.Store(2026)
	arrives("third", ":eAtn:")
}
