package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"atserver/verbs/wire"
)

// killed says how TestKilled goes on: so many rounds of so many updates at most.
// ATSERVER_KILLS=20 is the long form.
func killed(t *testing.T) (rounds int, updates int64) {
	t.Helper()
	long := os.Getenv("ATSERVER_KILLS")
	if long == "" {
		return 2, 500
	}
	rounds, err := strconv.Atoi(long)
	if err != nil {
		t.Fatalf("ATSERVER_KILLS: %v", err)
	}
	return rounds, 10_000
}

// What was acknowledged is there, however the server ended: it is killed while
// fifty connections update, again and again.
func TestKilled(t *testing.T) {
	t.Parallel()
	const connections = 50
	data, secret := t.TempDir(), randomSecret()
	args := local(data, "--testing-mode", "-s", secret)
	rounds, updates := killed(t)
	var mu sync.Mutex
	kept := map[string]string{} // key to value, as acknowledged
	for round := range rounds {
		p := serving(t, nil, args...)
		clients := make([]*wire.Conn, connections)
		for i := range clients {
			clients[i] = p.client(data)
			login(t, clients[i], secret)
		}
		last := 1 + rand.Int64N(updates)
		var acknowledged atomic.Int64
		var wg sync.WaitGroup
		for i, c := range clients {
			wg.Go(func() {
				for n := 0; ; n++ {
					key, value := fmt.Sprintf("public:k%d.c%d@alice", n%100, i), fmt.Sprintf("%d/%d", round, n)
					if _, err := c.Ask(bounded(t), "update:"+key+" "+value); err != nil {
						return // killed
					}
					mu.Lock()
					kept[key] = value
					mu.Unlock()
					if acknowledged.Add(1) == last {
						p.cmd.Process.Kill()
					}
				}
			})
		}
		wg.Wait()
		p.status()
		wantKept(t, serving(t, nil, args...), data, secret, kept)
	}
}

// wantKept checks a server that was started again, and stops it.
func wantKept(t *testing.T, p *process, data, secret string, kept map[string]string) {
	t.Helper()
	c := p.client(data)
	login(t, c, secret)
	for key, value := range kept {
		got, err := c.Ask(bounded(t), "llookup:"+key)
		var round, n, wantRound, wantN int
		fmt.Sscanf(got, "%d/%d", &round, &n)
		fmt.Sscanf(value, "%d/%d", &wantRound, &wantN)
		// what was under way when the server was killed may be there, too
		if err != nil || round < wantRound || round == wantRound && n < wantN {
			t.Fatalf("%s: %q, %v; %q was acknowledged", key, got, err, value)
		}
	}
	log, err := c.Ask(bounded(t), "scan:cl")
	var commits []struct {
		Key string `json:"atKey"`
		ID  int64  `json:"commitId"`
	}
	if err != nil || json.Unmarshal([]byte(log), &commits) != nil {
		t.Fatalf("the commit log: %v", err)
	}
	keys, before := map[string]bool{}, int64(-1)
	for _, commit := range commits {
		if commit.ID <= before || keys[commit.Key] {
			t.Fatalf("commit %d of %s comes after %d, or its key was there before", commit.ID, commit.Key, before)
		}
		keys[commit.Key], before = true, commit.ID
	}
	for key := range kept {
		if !keys[key] {
			t.Fatalf("%s has no commit entry", key)
		}
	}
	if verify := launch(t, nil, "audit", "verify", "--data", data); verify.status() != 0 {
		t.Fatal("the audit chain does not hold")
	}
	p.stop()
}
