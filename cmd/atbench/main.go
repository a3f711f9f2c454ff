// Command atbench is the load generator behind every figure of the README.
//
// Absolute rates say more about the machine than about the server, so it gives
// ratios: it starts a real atserver and, beside it, a rival, drives both in turn
// with the same client code and prints the median of the paired ratios. Rivals are
// the smallest TLS line echo that Go allows, a Redis that is as durable, a bare
// handshake, a queue for each monitor. What the echo costs, TLS in Go costs.
//
// "atbench targets" measures all that has a target. "atbench scale" compares the
// server with itself: with half a store and a whole one, at the first and the last
// page, alone and beside long reads.
//
// It needs Linux, whose /proc tells the CPU time and memory of all. All runs on
// loopback; it ends only processes that it started, and leaves nothing behind.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Run     benchCmd   `cmd:"" default:"withargs" help:"Measure and print the figures (the default command)."`
	Login   loginCmd   `cmd:"" help:"Measure logins beside bare connections."`
	Memory  memoryCmd  `cmd:"" help:"Measure what an idle server occupies and does."`
	Start   startCmd   `cmd:"" help:"Measure starts on an existing store, after kill -9 too."`
	Notify  notifyCmd  `cmd:"" help:"Measure notifications, to another atSign and to many monitors."`
	Scale   scaleCmd   `cmd:"" help:"Measure how costs grow with the store."`
	Targets targetsCmd `cmd:"" help:"Measure all that has a target, and tell which are met."`
	Echo    echoCmd    `cmd:"" hidden:"" help:"Be the echo."`
	Fanout  fanoutCmd  `cmd:"" hidden:"" help:"Be the queue for each monitor."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var c cli
	command := kong.Parse(&c,
		kong.Name("atbench"),
		kong.Description("Measures an atserver beside what does the same with less."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"tempdir": os.TempDir()},
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	err := command.Run()
	stop()
	command.FatalIfErrorf(err)
}
