package store

import (
	"fmt"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// logger passes on what Badger says, a line each, and keeps the first error. For
// Badger only logs some errors that must not be passed over when opening, such as
// a table that it goes on without.
type logger struct {
	log zerolog.Logger

	mu    sync.Mutex
	error string
}

func (l *logger) Errorf(format string, args ...any) {
	l.print(l.log.Error(), format, args)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.error == "" {
		l.error = oneLine(fmt.Sprintf(format, args...))
	}
}

func (l *logger) Warningf(format string, args ...any) { l.print(l.log.Warn(), format, args) }
func (l *logger) Infof(format string, args ...any)    { l.print(l.log.Debug(), format, args) }
func (l *logger) Debugf(string, ...any)               {}

func (l *logger) print(e *zerolog.Event, format string, args []any) {
	if !e.Enabled() {
		return
	}
	if text := oneLine(fmt.Sprintf(format, args...)); text != "" {
		e.Str("badger", text).Msg("database")
	}
}

// first returns the first error that was logged, "" if there was none.
func (l *logger) first() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.error
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
