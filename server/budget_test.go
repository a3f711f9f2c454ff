package server

import (
	"io"
	"strings"
	"sync"
	"testing"

	"atserver/enroll"
)

func TestBudget(t *testing.T) {
	b := newBudget(100)
	owner, stranger := share{b, 0}, share{b, 50}
	steps := []struct {
		name  string
		share share
		take  int
		ok    bool
		free  int64
	}{
		{"a stranger takes all that strangers may", stranger, 50, true, 50},
		{"and no more", stranger, 1, false, 50},
		{"the owner takes half of the rest", owner, 25, true, 25},
		{"nobody takes more than there is", owner, 26, false, 25},
		{"the owner takes the rest", owner, 25, true, 0},
		{"a stranger gives back", stranger, -50, true, 50},
		{"which the owner may have", owner, 50, true, 0},
		{"a stranger gets nothing", stranger, 1, false, 0},
		{"the owner gives back", owner, -100, true, 100},
		{"nobody gets more than there is at once", owner, 101, false, 100},
	}
	for _, step := range steps {
		ok := true
		if step.take < 0 {
			step.share.Give(-step.take)
		} else {
			ok = step.share.Take(step.take)
		}
		if free := b.free.Load(); ok != step.ok || free != step.free {
			t.Fatalf("%s: got %v, %d free", step.name, ok, free)
		}
	}
}

func TestBudgetIsSharedSafely(t *testing.T) {
	b := newBudget(1000)
	var all sync.WaitGroup
	for i := range 8 {
		s := share{b, int64(i%2) * 500}
		all.Go(func() {
			for n := range 1000 {
				if s.Take(n % 300) {
					s.Give(n % 300)
				}
			}
		})
	}
	all.Wait()
	if free := b.free.Load(); free != 1000 {
		t.Errorf("%d of 1000 are free", free)
	}
}

func TestShares(t *testing.T) {
	s := &Server{budget: newBudget(100), strangersKeep: 50}
	for kind, keep := range map[enroll.Kind]int64{enroll.Anonymous: 50, enroll.Peer: 0, enroll.CRAM: 0, enroll.App: 0} {
		if got := s.shareOf(kind).keep; got != keep {
			t.Errorf("%s leaves %d, want %d", kindName(kind), got, keep)
		}
	}
}

// noMemory is what a client is told whose command finds no memory.
const noMemory = "error:AT0005-Exception: InboundBuffer overflow: the memory for long requests is in use by others. " +
	"Terminating the connection, try again.\n@"

// Strangers who send long commands and never end them use up their half of the
// memory. The owner still gets a command of a megabyte through.
func TestMemoryForLongCommands(t *testing.T) {
	t.Parallel()
	const budget = 8 << 20
	b := start(t, Options{LineBudget: budget})
	owner := b.owner()
	var strangers []*client
	free := func() int64 { return b.budget.free.Load() }
	for used := false; !used; {
		c := b.stranger()
		before, ends := free(), b.ended[Overflow].Load()
		half := strings.Repeat("x", 300<<10)
		c.send(half)
		eventually(t, func() bool { return free() <= before-300<<10+64<<10 || b.ended[Overflow].Load() != ends })
		if _, err := io.WriteString(c, half); err != nil && b.ended[Overflow].Load() == ends {
			t.Fatal(err)
		}
		eventually(t, func() bool { return free() <= before-600<<10+64<<10 || b.ended[Overflow].Load() != ends })
		if used = b.ended[Overflow].Load() != ends; used {
			c.want(noMemory)
			c.wantEnd()
			continue
		}
		strangers = append(strangers, c)
	}
	if n := len(strangers); n < 2 || n > 7 || free() < budget/2 {
		t.Fatalf("%d strangers hold memory, %d bytes are free", n, free())
	}
	for range 2 {
		owner.put("big", 1<<20)
	}
	b.wantBusy(0)
	short := b.stranger() // needs none of it
	short.ask(strings.Repeat(" ", 60_000)+"noop:0", "data:ok\n@")

	strangers[0].ask("", "error:AT0003-Exception: invalid command\n@") // its long command has ended
	for _, c := range strangers[1:] {
		c.NetConn().Close()
	}
	eventually(t, func() bool { return free() == budget })
	b.stranger().ask(strings.Repeat("x", 1<<20), "error:AT0003-Exception: invalid command\n@")
	eventually(t, func() bool { return free() == budget })
}

// Who logs in while a loan is out gives back what was lent.
func TestLoansOutliveALogin(t *testing.T) {
	t.Parallel()
	const budget = 4 << 20
	b := start(t, Options{LineBudget: budget})
	c := b.stranger()
	c.ask(strings.Repeat("x", 200_000), "error:AT0003-Exception: invalid command\n@")
	c.login()
	c.put("big", 3_500_000/2)
	c.send("from:@alice\n")
	c.line()
	c.want("@alice@")
	c.ask("cram:"+strings.Repeat("0", 200_000), "error:AT0401-Exception: Authentication Failed\n@")
	c.ask("noop:0", "data:ok\n@")
	b.wantBusy(0)
	if free := b.budget.free.Load(); free != budget {
		t.Errorf("%d bytes are missing", budget-free)
	}
}

func TestTooLongACommand(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.owner()
	io.WriteString(c, "update:public:big@alice "+strings.Repeat("x", 10_240_000-len("update:public:big@alice "))) // the limit includes LF
	c.want("error:AT0005-Buffer limit exceeded : InboundBuffer overflow: server received request which exceeded the buffer size limit " +
		"of 10240000 bytes. Terminating the connection.\n@alice@")
	c.wantEnd()
	b.wantEnded(Overflow, 1)
	eventually(t, func() bool { return b.budget.free.Load() == 32<<20 })
}
