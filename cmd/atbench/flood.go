package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"sync"
	"time"

	"atserver/verbs/wire"
)

// flood is what many strangers with long lines do to a server.
type flood struct {
	Peak  int64   `json:"peakRss"`
	Login float64 `json:"loginMs"` // the owner's, meanwhile
}

// ofSmallContainer is what a server takes for long lines in a container of 64 MiB.
var ofSmallContainer = []string{"--line-budget-mib", "7"}

// flooded has strangers send lines of so many bytes all at once, and the owner log
// in.
func flooded(ctx context.Context, dir, binary string, strangers, length int) (f flood, err error) {
	server, err := startServer(ctx, filepath.Join(dir, "flood"), binary, strangers, ofSmallContainer...)
	if err != nil {
		return f, err
	}
	defer server.stop()
	defer func() { err = server.explain(err) }()
	if err := server.onboard(ctx); err != nil {
		return f, err
	}
	as := server.target
	as.welcome = func(c *stream) error { c.prompt = wire.Prompt(""); return c.greeting() }
	on, err := as.dialAll(ctx, strangers)
	if err != nil {
		return f, err
	}
	defer on.close()
	if err := forgetPeak(server.pid); err != nil {
		return f, err
	}
	line := append(bytes.Repeat([]byte("x"), length), '\n')
	var running sync.WaitGroup
	for _, s := range on {
		s.conn.SetDeadline(time.Now().Add(longPatience))
		running.Go(func() {
			s.conn.Write(line)          // it is refused sooner or later
			io.Copy(io.Discard, s.conn) // until the server hangs up
		})
	}
	begin := time.Now()
	owner, err := server.dial(ctx)
	if err == nil {
		f.Login = milliseconds(time.Since(begin))
		owner.conn.Close()
	}
	for _, s := range on {
		s.conn.SetDeadline(time.Now().Add(patience))
	}
	running.Wait()
	if err == nil {
		f.Peak, err = peakOf(server.pid)
	}
	return f, err
}
