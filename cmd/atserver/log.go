package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"
)

// levels maps the names of levels, ours and those of the reference server.
var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "warn": zerolog.WarnLevel, "error": zerolog.ErrorLevel,
	"all": zerolog.DebugLevel, "finest": zerolog.DebugLevel, "finer": zerolog.DebugLevel, "fine": zerolog.DebugLevel,
	"config": zerolog.InfoLevel, "warning": zerolog.WarnLevel, "severe": zerolog.ErrorLevel, "shout": zerolog.ErrorLevel,
	"off": zerolog.Disabled,
}

// newLog writes to standard error: for people on a terminal, else as JSON.
func newLog(level string) (zerolog.Logger, error) {
	l, ok := levels[strings.ToLower(level)]
	if !ok {
		return zerolog.Logger{}, fmt.Errorf("unknown log level %q: use debug, info, warn or error", level)
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var log zerolog.Logger
	if term.IsTerminal(int(os.Stderr.Fd())) {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly})
	} else {
		log = zerolog.New(os.Stderr)
	}
	return log.Level(l).With().Timestamp().Logger(), nil
}
