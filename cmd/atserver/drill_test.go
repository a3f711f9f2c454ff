package main_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

// drilled is a key that one connection of the drill changes again and again: every
// fourth time it deletes it, else the value tells how often it was changed.
type drilled struct {
	key         string
	asked, done atomic.Int64 // changes
}

func (k *drilled) command(n int64) string {
	if n%4 == 3 {
		return "delete:" + k.key
	}
	return fmt.Sprintf("update:%s %d", k.key, n)
}

// wantSince wants the key to be as a change left it that is none before done, nor
// after asked.
func (k *drilled) wantSince(t *testing.T, c *wire.Conn, done, asked int64) {
	t.Helper()
	got, err := c.Ask(bounded(t), "llookup:"+k.key)
	var refused *wire.Error
	if errors.As(err, &refused) && refused.Code == "AT0015" {
		got, err = "", nil
	}
	for n := done; err == nil && n <= asked; n++ {
		if n < 0 && got == "" || n >= 0 && (n%4 == 3 && got == "" || n%4 != 3 && got == fmt.Sprint(n)) {
			return
		}
	}
	t.Fatalf("%s is %q, %v; change %d was acknowledged, %d asked for", k.key, got, err, done, asked)
}

// owner logs in with the owner's keys.
func (p *process) owner(data string, keys atauth.Keys) *wire.Conn {
	p.t.Helper()
	o := atauth.Options{Sign: "@alice", Server: p.address(), CAFile: filepath.Join(data, "tls", "ca.pem")}
	c, err := atauth.Dial(bounded(p.t), o)
	if err == nil {
		p.t.Cleanup(func() { c.Close() })
		err = c.Authenticate(bounded(p.t), keys)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return c.Conn
}

// ran runs the program to its end, which is to be a good one.
func ran(t *testing.T, args ...string) string {
	t.Helper()
	p := launch(t, nil, args...)
	if status := p.status(); status != 0 {
		t.Fatalf("atserver %s: status %d", strings.Join(args, " "), status)
	}
	return p.stdout.String()
}

// The drill: copies of everything and increments of a server that is written to,
// its death by kill -9, a restore into an empty folder, and there is every change
// that was acknowledged before the last increment was asked for.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	const connections, increments = 8, 4
	data, shelf, restored := t.TempDir(), filepath.Join(t.TempDir(), "shelf"), filepath.Join(t.TempDir(), "restored")
	secret := randomSecret()
	p := serving(t, nil, local(data, "-s", secret)...)
	options := atauth.Options{Sign: "@alice", Server: p.address(), CAFile: filepath.Join(data, "tls", "ca.pem")}
	keys, err := atauth.Onboard(bounded(t), options, secret, "drill", "test", func(atauth.Keys) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]*drilled, connections)
	var wg sync.WaitGroup
	for i := range all {
		for n := range 5 {
			k := &drilled{key: fmt.Sprintf("k%d.c%d@alice", n, i)}
			k.asked.Store(-1)
			k.done.Store(-1)
			all[i] = append(all[i], k)
		}
		c := p.owner(data, keys)
		wg.Go(func() {
			for n := int64(0); ; n++ {
				for _, k := range all[i] {
					k.asked.Store(n)
					if _, err := c.Ask(bounded(t), k.command(n)); err != nil {
						return // killed
					}
					k.done.Store(n)
				}
			}
		})
	}
	progress := func() (done int64) {
		for _, k := range slices.Concat(all...) {
			done += k.done.Load()
		}
		return done
	}
	done := map[*drilled]int64{}
	for i := range increments + 1 { // the first one is of everything
		before := progress()
		eventually(t, func() bool { return progress() > before+connections*5 })
		if i == increments {
			for _, k := range slices.Concat(all...) {
				done[k] = k.done.Load()
			}
		}
		ran(t, "backup", "--data", data, "--to", shelf, "--incremental")
	}
	p.cmd.Process.Kill()
	p.status()
	wg.Wait()
	if got := strings.Count(ran(t, "verify", shelf), "\n"); got != increments+1 {
		t.Fatalf("%d copies, want %d", got, increments+1)
	}
	ran(t, "restore", "--from", shelf, "--data", restored)
	second := serving(t, nil, local(restored)...)
	c := second.owner(restored, keys)
	for _, k := range slices.Concat(all...) {
		k.wantSince(t, c, done[k], k.asked.Load())
	}
	answer, err := c.Ask(bounded(t), "update:after.drill@alice it goes on")
	if id, bad := strconv.Atoi(answer); err != nil || bad != nil || id < 1<<20 {
		t.Errorf("the first commit has id %q, %v: one that was given out before", answer, err)
	}
	ran(t, "audit", "verify", "--data", restored)
	if log := ran(t, "audit", "list", "--data", restored); !strings.Contains(log, " backup ") || !strings.Contains(log, " restore ") {
		t.Errorf("the audit trail tells of no backup, or no restore:\n%s", log)
	}
	// What the old server did not live to copy is no part of it, so it does not follow.
	ran(t, "backup", "--data", restored, "--to", shelf, "--incremental")
	if got := ran(t, "verify", shelf); strings.Count(got, "everything") != 2 {
		t.Errorf("after the restore, no new chain was begun:\n%s", got)
	}
}
