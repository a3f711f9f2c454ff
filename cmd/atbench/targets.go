package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// targetsCmd measures all that has a target.
type targetsCmd struct {
	where `embed:""`
	Long  bool `help:"Measure longer, and ten thousand connections, too."`
	Gate  bool `help:"Fail when something falls short of what must be, or cannot be measured."`
}

// Help is what kong shows below the flags.
func (targetsCmd) Help() string {
	return "Ratios are to what runs beside the server in the same minute: the echo, a Redis that is as durable, and so on; the " +
		"other commands tell more of each. A run takes about eight minutes, with --long half an hour. Needs redis-server."
}

// Run measures and prints.
func (c *targetsCmd) Run(ctx context.Context) error {
	missed := 0
	err := c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		g := &goals{host: h, Pairs: c.size().pairs}
		err := c.all(ctx, dir, binary, g)
		missed = g.missed()
		return g, err
	})
	if err == nil && c.Gate && missed > 0 {
		err = fmt.Errorf("%d of what must be is not met, or not measured", missed)
	}
	return err
}

// size is how much is measured.
type size struct {
	pairs          int
	seconds        float64
	conns          []int   // idle
	loaded         float64 // seconds of rest after the load
	rounds         int     // starts
	keys, keySpace int     // records and namespaces to scan
	watch          float64 // seconds
}

func (c *targetsCmd) size() size {
	if c.Long {
		return size{15, 2, []int{1000, 10_000}, 60, 9, 100_000, 1000, 30}
	}
	return size{9, 0.3, []int{3000}, 20, 5, 20_000, 200, 10}
}

// full is how many records a store has that counts as full.
const full = 100_000

// all measures one part after the other; what one cannot do leaves the others alone.
func (c *targetsCmd) all(ctx context.Context, dir, binary string, g *goals) error {
	for i, part := range []struct {
		name    string
		measure func(ctx context.Context, dir, binary string, g *goals) error
	}{
		{"beside the echo", c.besideEcho},
		{"beside Redis", c.besideRedis},
		{"updates that share their syncs", c.sharing},
		{"login", c.login},
		{"memory", c.memory},
		{"start", c.start},
		{"growth with the store", c.growth},
		{"notifications", c.notifications},
		{"long lines of strangers", c.flood},
		{"binary", ofBinary},
	} {
		say("== %s", part.name)
		if err := part.measure(ctx, filepath.Join(dir, fmt.Sprint(i)), binary, g); err != nil {
			if ctx.Err() != nil {
				return err
			}
			g.Failed = append(g.Failed, fmt.Sprintf("%s: %v", part.name, err))
		}
	}
	return nil
}

// bench is a run of comparisons with one rival.
func (c *targetsCmd) bench(against, work string, pipeline int, conns ...int) *benchCmd {
	s := c.size()
	return &benchCmd{
		Against: []string{against}, Work: []string{work}, Conns: conns, Pairs: s.pairs, Seconds: s.seconds,
		Pipeline: []int{pipeline}, Records: 10_000,
	}
}

func (c *targetsCmd) besideEcho(ctx context.Context, dir, binary string, g *goals) error {
	rates, err := c.bench("echo", "noop", 1, 10, 50).rates(ctx, dir, binary)
	for _, r := range rates {
		g.atLeast(r.name(), r.Ratio, 0.85, 0.95)
		g.atMost(r.name()+", CPU", r.CPURatio, "", 0, 1.1)
	}
	return err
}

func (c *targetsCmd) besideRedis(ctx context.Context, dir, binary string, g *goals) error {
	for i, part := range []struct {
		bench     *benchCmd
		must, aim float64
	}{
		{c.bench("redis", "noop", 1, 10, 50), 1.1, 1.3},
		{c.bench("redis", "llookup", 1, 10, 50), 0.8, 1.1},
		{c.bench("redis", "llookup", 16, 50), 0.4, 1},
		{c.bench("redis", "update", 1, 1, 10, 50), 0.5, 1},
	} {
		rates, err := part.bench.rates(ctx, filepath.Join(dir, fmt.Sprint(i)), binary)
		if err != nil {
			return err
		}
		for _, r := range rates {
			g.atLeast(r.name(), r.Ratio, part.must, part.aim)
		}
	}
	return nil
}

// name is what a rate compares.
func (r rate) name() string {
	name := fmt.Sprintf("%s / %s, %d connections", r.Work, rivalWorks[r.Against][r.Work], r.Connections)
	if r.Connections == 1 {
		name = name[:len(name)-1]
	}
	if r.Pipeline > 1 {
		name += fmt.Sprintf(", %d in flight", r.Pipeline)
	}
	return name
}

// rivalWorks is what rivals call what they do.
var rivalWorks = map[string]map[string]string{
	"echo":  {"noop": "echo"},
	"redis": {"noop": "Redis PING", "llookup": "Redis GET", "update": "Redis SET"},
}

// sharing compares the server with itself: many who write at once and one.
func (c *targetsCmd) sharing(ctx context.Context, dir, binary string, g *goals) error {
	const many, records = 50, 10_000
	server, err := startServer(ctx, dir, binary, many)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.onboard(ctx); err != nil {
		return err
	}
	on, err := server.dialAll(ctx, many)
	if err != nil {
		return server.explain(err)
	}
	defer on.close()
	l := load{works["update"], records, 1}
	p, err := byTurns(ctx, c.size().pairs, duration(c.size().seconds), server.driving(on, l), server.driving(on[:1], l))
	if err == nil {
		g.atLeast("update, 50 connections / 1", p.Ratio, 5, 10)
	}
	return server.explain(err)
}

func (c *targetsCmd) login(ctx context.Context, dir, binary string, g *goals) error {
	rates, err := (&loginCmd{Pairs: c.size().pairs, Seconds: c.size().seconds}).rates(ctx, dir, binary)
	if err == nil {
		g.atMost("login / bare handshake and one request, time", rates[0].Ratio.inverse(), "", 1.5, 1.3)
	}
	return err
}

func (c *targetsCmd) memory(ctx context.Context, dir, binary string, g *goals) error {
	s := c.size()
	all, err := (&memoryCmd{Conns: s.conns, Records: full, Settle: 10, Loaded: s.loaded, Watch: s.watch}).idle(ctx, dir, binary)
	if err != nil {
		return err
	}
	most := s.conns[len(s.conns)-1]
	for _, i := range all {
		switch {
		case i.With == "nothing":
			g.atMost("RSS of an empty server", once(mebibytes(i.Now.RSS)), "MiB", 20, 14)
			g.atMost("  of it anonymous", once(mebibytes(i.Now.Anonymous)), "MiB", 0, 4)
			g.atMost("CPU of an idle server, a second", once(i.CPU), "ms", 2, 1)
			g.atMost("wake-ups of an idle server, a second", once(i.WakeUps), "", 0, 10)
		case i.Records > 0:
			g.atMost("RSS with "+grouped(full)+" records", once(mebibytes(i.Now.RSS)), "MiB", 60, 30)
		case i.Connections < most: // fewer of the same
		case i.With == "monitors":
			g.atMost("each of "+i.what(), once(kibibytes(i.Each.RSS)), "KiB", 26, 22)
		default:
			g.atMost("each of "+grouped(most)+" idle connections, logged in", once(kibibytes(i.Each.RSS)), "KiB", 26, 18)
			if most == 10_000 {
				g.atMost("RSS with all of these", once(mebibytes(i.Now.RSS)), "MiB", 300, 200)
			}
		}
	}
	return nil
}

func (c *targetsCmd) start(ctx context.Context, dir, binary string, g *goals) error {
	all, err := (&startCmd{Records: full, Rounds: c.size().rounds}).starts(ctx, dir, binary)
	if err == nil {
		g.atMost("start to first answer, existing store", all[0].Took, "ms", 60, 30)
		g.atMost("start to first answer, "+all[2].After, all[2].Took, "ms", 400, 120)
	}
	return err
}

func (c *targetsCmd) growth(ctx context.Context, dir, binary string, g *goals) error {
	s := c.size()
	r, err := (&scaleCmd{Keys: s.keys, Namespaces: s.keySpace, Rounds: s.rounds, Seconds: s.seconds, Settle: 1}).scaled(ctx, dir, binary, host{})
	if err == nil {
		g.atMost("scan of one namespace, store full / half full, time", once(r.Growth[1].Ratio), "", 1.5, 1.1)
		g.atMost("sync, last page / first, time", once(r.Pages[0].LastRatio), "", 1.5, 1.1)
	}
	return err
}

func (c *targetsCmd) notifications(ctx context.Context, dir, binary string, g *goals) error {
	s := c.size()
	n := &notifyCmd{Pairs: s.pairs, Seconds: s.seconds, Monitors: []int{100}, Flight: []int{1}, Unreachable: 100, Settle: 12}
	r := &notifyReport{}
	err := n.latency(ctx, filepath.Join(dir, "neighbours"), binary, r)
	if err == nil {
		err = n.fanouts(ctx, dir, binary, r)
	}
	if err == nil {
		g.atMost("the first notify behind 100 for others out of reach", once(r.First), "ms", 0, 100)
		g.atMost("notify, 100 others out of reach / none, time", r.Rates[1].Ratio.inverse(), "", 1.1, 1)
		g.atMost("notify 100 monitors / Go queue, CPU a delivery", r.Rates[2].CPURatio, "", 1.5, 1)
	}
	return err
}

func (c *targetsCmd) flood(ctx context.Context, dir, binary string, g *goals) error {
	f, err := flooded(ctx, dir, binary, 200, 9_000_000)
	if err == nil {
		g.atMost("peak RSS as in 64 MiB, 200 strangers send 9 MB each", once(mebibytes(f.Peak)), "MiB", 64, 0)
		g.atMost("the owner's login meanwhile", once(f.Login), "ms", 30_000, 1000)
	}
	return err
}

// ofBinary takes its size in.
func ofBinary(_ context.Context, _, binary string, g *goals) error {
	info, err := os.Stat(binary)
	if err == nil {
		g.atMost("binary", once(mebibytes(info.Size())), "MiB", 25, 18)
	}
	return err
}
