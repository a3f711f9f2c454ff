package main

import (
	"context"
	"os/signal"
	"syscall"

	"atserver/cmd/console"
)

// untilSignal is the life of a command that runs until it is told to end.
func untilSignal() (ctx context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// interrupted is the error of what a signal may have ended.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return console.ErrInterrupted
	}
	return err
}
