package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"atserver/cmd/console"
)

type monitorCmd struct {
	Regex string        `arg:"" optional:"" help:"Only those whose key or sender matches this regular expression somewhere."`
	Since *moment       `placeholder:"2h|TIME" help:"Begin with what came after that: so long ago, or a time as 2026-11-22T04:05:06Z; 0 is all that there is."`
	Self  bool          `help:"Tell of what your server tells your apps, too, such as apps that ask for access; those that it still keeps come first."`
	State string        `placeholder:"FILE" type:"path" default:"" help:"Go on after what this file remembers, and remember in it how far it came."`
	Every time.Duration `default:"30s" help:"How often to see whether the server is still there (${default})."`
}

func (c *monitorCmd) Help() string {
	return `Prints a line for each notification as it comes: when, from whom, of what key, and
its value, decrypted if these keys open it. With --json it prints the notification as
the server tells it, with the value in "plain", one a line. It goes on when the
connection breaks, after what it printed last, until it is interrupted.`
}

// moment is a time in ms, as the protocol counts.
type moment int64

func (m *moment) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && n >= 0 {
		*m = moment(n)
		return nil
	}
	if d, err := time.ParseDuration(string(text)); err == nil && d >= 0 {
		*m = moment(time.Now().Add(-d).UnixMilli())
		return nil
	}
	for _, form := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(form, string(text), time.Local); err == nil && t.UnixMilli() >= 0 {
			*m = moment(t.UnixMilli())
			return nil
		}
	}
	return errors.New("must be how long ago, as in 2h, a time as in 2026-11-22T04:05:06Z, or 0 for all")
}

// Run prints what comes. Once it could log in it does not give up, as sync --follow.
func (c *monitorCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	if err := checkListRegex(c.Regex); err != nil {
		return err
	}
	if c.Every <= 0 {
		return usageError{errors.New("--every must be more than nothing")}
	}
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	w, err := newWatch(con, g.JSON, keys.Sign, c)
	if err != nil {
		return err
	}
	return g.goOn(ctx, con, keys, firstPause, w.follow)
}

// firstPause is how long a server is left alone after a connection to it broke.
const firstPause = time.Second

// follow prints what comes until the connection breaks. well is told whenever it works.
func (w *watch) follow(ctx context.Context, s session, well func()) error {
	w.waiting = nil
	s.Notify = func(event string) { w.waiting = append(w.waiting, event) }
	if err := w.begin(ctx, s); err != nil {
		return err
	}
	for next := time.Now().Add(w.every); ; {
		_, broken := s.Listen(ctx, next)
		if err := w.tell(ctx, s); err != nil {
			return err
		}
		if broken != nil {
			return fmt.Errorf("monitor: %w", broken)
		}
		if time.Now().Before(next) {
			continue
		}
		if _, err := s.Ask(ctx, "noop:0"); err != nil {
			return fmt.Errorf("monitor: %w", err)
		}
		well()
		next = time.Now().Add(w.every)
	}
}

// begin has the server tell of what came after the last time. Where there was none it
// is what is there now: from then on nothing is lost between two connections.
func (w *watch) begin(ctx context.Context, s session) error {
	if w.state.Epoch < 0 {
		list, err := s.notifications(ctx, w.state.Regex)
		if err != nil {
			return err
		}
		newest := int64(0)
		for _, n := range list {
			newest = max(newest, n.EpochMillis)
		}
		if err := w.reach(newest); err != nil {
			return err
		}
	}
	w.asked = w.state.Epoch
	line := "monitor:strict"
	if w.state.Self {
		line += ":selfNotifications"
	}
	line += fmt.Sprintf(":%d", w.asked)
	if w.state.Regex != "" {
		line += " " + w.state.Regex
	}
	return s.Send(ctx, line)
}

// checkListRegex refuses an expression that would end before its end on the wire.
func checkListRegex(regex string) error {
	if strings.Contains(regex, ":") {
		return usageError{errors.New("this regular expression cannot hold colons; . matches one")}
	}
	return checkRegex(regex)
}
