package server

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// levels maps the names of levels, ours and those of the reference server.
var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "warn": zerolog.WarnLevel, "error": zerolog.ErrorLevel,
	"all": zerolog.DebugLevel, "finest": zerolog.DebugLevel, "finer": zerolog.DebugLevel, "fine": zerolog.DebugLevel,
	"config": zerolog.InfoLevel, "warning": zerolog.WarnLevel, "severe": zerolog.ErrorLevel, "shout": zerolog.ErrorLevel,
	"off": zerolog.Disabled,
}

// LogLevel is from what level on something is logged. It may be changed while
// others log by it: a logger does so that has it for its sampler.
type LogLevel struct{ least atomic.Int32 }

// NewLogLevel returns the level of that name.
func NewLogLevel(name string) (*LogLevel, error) {
	l := &LogLevel{}
	return l, l.Set(name)
}

// Set changes it. A name that there is not changes nothing.
func (l *LogLevel) Set(name string) error {
	least, ok := levels[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("unknown log level %q: use debug, info, warn or error", name)
	}
	l.least.Store(int32(least))
	return nil
}

// String is debug, info, warn, error or disabled.
func (l *LogLevel) String() string { return zerolog.Level(l.least.Load()).String() }

// Sample implements zerolog.Sampler.
func (l *LogLevel) Sample(level zerolog.Level) bool { return int32(level) >= l.least.Load() }
