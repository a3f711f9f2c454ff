package main

import (
	"context"
	"os/signal"
	"syscall"
)

// untilSignal is the life of a command that runs until it is told to end.
func untilSignal() (ctx context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}
