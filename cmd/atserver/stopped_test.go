package main_test

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// SIGTERM in the middle of a load: what was acknowledged is there, nobody new gets
// in, and the end comes before docker stop would kill the server.
func TestStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	const connections, dockerWaits = 20, 10 * time.Second
	h := onboarded(t, t.TempDir())
	kept := make([]string, connections) // last acknowledged value, by connection
	var acknowledged atomic.Int64
	var clients sync.WaitGroup
	for i := range connections {
		c := h.owner()
		put(t, c, fmt.Sprint("k", i), "0")
		kept[i] = "0"
		clients.Go(func() {
			for n := 1; ; n++ {
				value := fmt.Sprint(n)
				if _, err := c.Ask(bounded(t), fmt.Sprintf("update:public:k%d@alice %s", i, value)); err != nil {
					return
				}
				kept[i] = value
				acknowledged.Add(1)
			}
		})
	}
	eventually(t, func() bool { return acknowledged.Load() > 10*connections })
	address, began := h.address(), time.Now()
	h.signal(syscall.SIGTERM)
	if status := h.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	if took := time.Since(began); took > dockerWaits {
		t.Errorf("it took %s", took)
	}
	clients.Wait()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("somebody listens still")
	}
	h.again()
	c := h.owner()
	for i, value := range kept {
		got, err := c.Ask(bounded(t), fmt.Sprintf("llookup:public:k%d@alice", i))
		var n, want int
		fmt.Sscan(got, &n)
		fmt.Sscan(value, &want)
		if err != nil || n != want && n != want+1 { // the one under way may be there, too
			t.Errorf("k%d is %q, %v; %q was acknowledged", i, got, err, value)
		}
	}
	h.wantSound(nil)
	h.stop()
}
