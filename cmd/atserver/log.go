package main

import (
	"os"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"atserver/server"
)

// newLog writes to standard error: for people on a terminal, else as JSON. Its level
// may be changed later.
func newLog(level string) (zerolog.Logger, *server.LogLevel, error) {
	least, err := server.NewLogLevel(level)
	if err != nil {
		return zerolog.Logger{}, nil, err
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var log zerolog.Logger
	if term.IsTerminal(int(os.Stderr.Fd())) {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly})
	} else {
		log = zerolog.New(os.Stderr)
	}
	return log.Level(zerolog.DebugLevel).Sample(least).With().Timestamp().Logger(), least, nil
}
