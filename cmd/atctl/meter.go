package main

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"atserver/cmd/console"
)

// patience is how long work takes before it shows how far it is.
const patience = time.Second

// meter shows a person at a terminal how far long work is, and nobody else.
type meter struct {
	con   *console.Console
	what  string
	since time.Time
	total int64 // -1: not known
	done  int64
	bar   *progressbar.ProgressBar // nil: not shown
}

func newMeter(con *console.Console, what string, total int64) *meter {
	return &meter{con: con, what: what, since: time.Now(), total: total}
}

// add counts what has been done.
func (m *meter) add(n int) {
	m.done += int64(n)
	if m.bar == nil {
		if !m.con.Watched || time.Since(m.since) < patience {
			return
		}
		m.bar = progressbar.NewOptions64(m.total,
			progressbar.OptionSetWriter(m.con.Err),
			progressbar.OptionSetDescription(m.what),
			progressbar.OptionSpinnerType(14),
			progressbar.OptionSetWidth(20),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	if m.total >= 0 && m.done > m.total { // more came while it was done
		m.total = m.done
		m.bar.ChangeMax64(m.total)
	}
	m.bar.Set64(m.done)
}

// say tells something without leaving parts of the bar in the line.
func (m *meter) say(format string, args ...any) {
	if m.bar != nil {
		m.bar.Clear()
	}
	m.con.Say(format, args...)
}

// end takes the bar away.
func (m *meter) end() {
	if m.bar != nil {
		m.bar.Clear()
		m.bar = nil
	}
}
