package server

import (
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// resting is how many connections of the caller's bubble are on a fresh goroutine.
func resting(t *testing.T) int { return goroutines(t, "(*conn).goOn(") }

// goroutines is how many goroutines of the caller's bubble have a text in their stacks.
func goroutines(t *testing.T, text string) (n int) {
	t.Helper()
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	bubble := regexp.MustCompile(`synctest bubble \d+`).Find(all) // the caller comes first
	for stack := range strings.SplitSeq(string(all), "\n\n") {
		head, _, _ := strings.Cut(stack, "\n")
		if strings.Contains(head, string(bubble)+"]") && strings.Contains(stack, text) {
			n++
		}
	}
	return n
}

// A connection that is silent for a while goes on on a fresh goroutine, again and
// again, and nobody notices: not in the middle of a command, not who has logged in,
// not who is told of changes, and it ends as any other.
func TestSilentConnectionsRest(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		quiet := func(want int) {
			t.Helper()
			time.Sleep(restAfter + time.Second) // a command came in between, perhaps
			time.Sleep(restAfter)
			synctest.Wait()
			if n := resting(t); n != want {
				t.Errorf("%d connections rest, want %d", n, want)
			}
		}
		c := b.stranger()
		quiet(1)
		for range 3 {
			c.ask("noop:0", "data:ok\n@")
			quiet(1)
		}
		c.login()
		if _, err := io.WriteString(c, "noop"); err != nil {
			t.Fatal(err)
		}
		quiet(1)
		c.ask(":0", "data:ok\n@alice@")
		other := b.stranger()
		quiet(2)
		if n := b.gate.count(); len(b.places()) != 2 {
			t.Errorf("%d places, of enrollments: %v", len(b.places()), n)
		}
		c.ask("@exit", "")
		c.wantEnd()
		other.Close()
		synctest.Wait()
		if exits, gone := b.ended[ClientExit].Load(), b.ended[ClientGone].Load(); exits != 1 || gone != 1 || resting(t) != 0 || len(b.places()) != 0 {
			t.Errorf("%d exits, %d gone, %d rest, %d places", exits, gone, resting(t), len(b.places()))
		}
	})
}

// So does who tells a monitor, and what happens is told all the same.
func TestSilentMonitorsRest(t *testing.T) {
	inBubble(t, Options{StatsEvery: -1}, nil, func(b *bubble) {
		c := b.loggedIn()
		c.send("monitor\n")
		for i := range 3 {
			b.arrives(fmt.Sprint(i), 1)
			if id := c.told(); id != fmt.Sprint(i) {
				t.Fatalf("told of %s, want %d", id, i)
			}
			time.Sleep(2*restAfter + time.Second)
			synctest.Wait()
			if n := goroutines(t, "created by atserver/server.(*conn).tell in"); n != 1 {
				t.Errorf("%d rest", n)
			}
		}
		c.send("@exit\n")
		c.wantEnd()
		synctest.Wait()
		if n := goroutines(t, "(*conn).tell("); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}
