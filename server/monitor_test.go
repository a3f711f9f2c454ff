package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// loggedIn connects the owner.
func (b *bubble) loggedIn() *client {
	b.t.Helper()
	c := b.dial()
	c.want("@")
	c.login()
	return c
}

// arrives keeps a notification for the owner.
func (b *bubble) arrives(id string, size int) {
	b.t.Helper()
	if err := b.db.Update(func(tx *store.Tx) error {
		return tx.Enqueue(&store.Notification{
			ID: id, From: "@bob", To: "@alice", Key: "@alice:x.wavi@bob", Type: store.Received, Status: store.Delivered, Op: store.NotifyUpdate,
			Priority: store.Low, Expires: tx.Now().Add(24 * time.Hour), Value: []byte(strings.Repeat("v", size)),
		})
	}); err != nil {
		b.t.Fatal(err)
	}
}

// told reads a notification and returns its id.
func (c *client) told() string {
	c.t.Helper()
	_, id, _ := strings.Cut(c.line(), `notification: {"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	return id
}

// A monitor stays, however long nothing happens, and is told every 15 seconds that
// the server is there.
func TestMonitorStays(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		c := b.loggedIn()
		c.send("monitor\n")
		began := time.Now()
		for range 100 {
			if id := c.told(); id != "-1" {
				t.Fatalf("told of %s", id)
			}
		}
		if took := time.Since(began).Round(janitorEvery); took < 99*15*time.Second || took > 100*15*time.Second {
			t.Errorf("a hundred times took %v", took)
		}
	})
}

// It stays when it is told of nothing at all, too.
func TestSilentMonitorStays(t *testing.T) {
	inBubble(t, Options{StatsEvery: -1}, nil, func(b *bubble) {
		c := b.loggedIn()
		c.send("monitor\n")
		time.Sleep(2 * time.Hour)
		c.ask("noop:0", "data:ok\n")
	})
}

// A monitor that does not read is cut off after 30 seconds without any progress,
// keeps nobody waiting until then, and is told of the rest when it comes back.
func TestSlowMonitor(t *testing.T) {
	inBubble(t, Options{StatsEvery: -1}, nil, func(b *bubble) {
		slow, quick := b.loggedIn(), b.loggedIn()
		slow.send("monitor\n")
		quick.send("monitor\n")
		synctest.Wait()
		for i := range 50 {
			b.arrives(fmt.Sprint(i), 100_000)
			if id := quick.told(); id != fmt.Sprint(i) {
				t.Fatalf("told of %s after %d", id, i)
			}
		}
		quick.ask("noop:0", "data:ok\n")
		time.Sleep(writeTimeout + 2*janitorEvery)
		synctest.Wait()
		if n := b.ended[SlowMonitor].Load(); n != 1 || len(b.places()) != 1 {
			t.Fatalf("%d were cut off, %d are left", n, len(b.places()))
		}
		again := b.loggedIn()
		again.send("monitor:0\n")
		for i := range 50 {
			if id := again.told(); id != fmt.Sprint(i) {
				t.Fatalf("told of %s after %d", id, i)
			}
		}
	})
}

// What a multiplexed monitor has to tell waits until the command under way is
// answered.
func TestMultiplexedMonitor(t *testing.T) {
	inBubble(t, Options{StatsEvery: -1}, nil, func(b *bubble) {
		c := b.loggedIn()
		for flags, first := range map[string]string{":multiplexed": "data:ok\n@alice@", "": "notification: "} {
			c.send("monitor" + flags + "\nnoop:5000\n")
			synctest.Wait()
			b.arrives("x", 1)
			c.want(first)
			c.line()
			if first == "notification: " {
				c.want("data:ok\n")
			}
		}
	})
}

// A connection that ends takes its second goroutine along, whatever that does.
func TestMonitorEnds(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		for i := range 3 {
			c := b.loggedIn()
			c.send("monitor:0\nmonitor\nmonitor:multiplexed\n")
			synctest.Wait()
			if i > 0 {
				b.arrives("x", 200_000) // it is being told
				synctest.Wait()
			}
			c.Close()
			synctest.Wait()
			time.Sleep(time.Minute)
			if n := len(b.places()); n != 0 {
				t.Fatalf("%d connections are left", n)
			}
		}
	}) // the bubble ends only when all goroutines have
}

// others is the network of other atServers, as far as the server sees it.
type others struct {
	mu   sync.Mutex
	said []string
}

func (o *others) Ask(_ context.Context, of atkey.Sign, proven bool, line string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case of == "@nobody":
		return "", wire.ErrNoAddress
	case of == "@closed":
		return "", &wire.Error{Code: "AT0033"}
	case strings.Contains(line, ":cAt:"):
		return "", &wire.Error{Code: "AT0003"}
	}
	o.said = append(o.said, fmt.Sprint(of, proven, line))
	return "success", nil
}

// What the owner's apps tell others leaves, and its status says what came of it.
func TestDelivery(t *testing.T) {
	network := &others{}
	inBubble(t, Options{Peers: network}, nil, func(b *bubble) {
		c := b.loggedIn()
		c.ask("notify:id:a1:@bob:x.wavi@alice:v", "data:a1\n@alice@")
		c.ask("notify:id:a2:@nobody:x.wavi@alice:v", "data:a2\n@alice@")
		c.ask("notify:id:a3:@closed:x.wavi@alice:v", "data:a3\n@alice@")
		c.send("update:@bob:y.wavi@alice v\n")
		c.line()
		c.want("@alice@")
		synctest.Wait()
		c.ask("notify:status:a1", "data:delivered\n@alice@")
		c.ask("notify:status:a2", "data:errored\n@alice@")
		c.ask("notify:status:a3", "data:errored\n@alice@")
		if len(network.said) != 2 || network.said[0] != "@bobtruenotify:id:a1:update:messageType:key:notifier:SYSTEM:ttln:900000:ttl:0:ttb:0:isEncrypted:true:@bob:x.wavi@alice:v" ||
			!strings.HasSuffix(network.said[1], ":update:messageType:key:notifier:system:ttln:900000:isEncrypted:false:@bob:y.wavi@alice:v") {
			t.Errorf("said %q", network.said)
		}
	})
}

// A change is answered before the monitor on its own connection is told of it, with
// all that was said along with it.
func TestAnsweredBeforeTold(t *testing.T) {
	inBubble(t, Options{StatsEvery: -1}, nil, func(b *bubble) {
		c := b.loggedIn()
		c.send("monitor\nupdate:x.wavi@alice v\nnoop:5000\n")
		for _, want := range []string{"data:2\n", "data:ok\n", "notification: "} {
			if line := c.line(); !strings.HasPrefix(line, want) {
				t.Fatalf("got %q, want %q", line, want)
			}
		}
	})
}
