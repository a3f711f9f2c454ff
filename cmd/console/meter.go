package console

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long work takes before it shows how far it is.
const patience = time.Second

// Meter shows a person at a terminal how far long work is, and nobody else.
type Meter struct {
	con   *Console
	what  string
	since time.Time
	Total int64 // -1: not known
	Bytes bool  // are what is counted
	done  int64
	bar   *progressbar.ProgressBar // nil: not shown
}

// NewMeter is for so much work, -1 when nobody knows how much it is.
func NewMeter(con *Console, what string, total int64) *Meter {
	return &Meter{con: con, what: what, since: time.Now(), Total: total}
}

// Add counts what has been done.
func (m *Meter) Add(n int) {
	m.done += int64(n)
	if m.bar == nil {
		if !m.con.Watched || time.Since(m.since) < patience {
			return
		}
		m.bar = progressbar.NewOptions64(m.Total,
			progressbar.OptionSetWriter(m.con.Err),
			progressbar.OptionSetDescription(m.what),
			progressbar.OptionSpinnerType(14),
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowBytes(m.Bytes),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	if m.Total >= 0 && m.done > m.Total { // more came while it was done
		m.Total = m.done
		m.bar.ChangeMax64(m.Total)
	}
	m.bar.Set64(m.done)
}

// Say tells something without leaving parts of the bar in the line.
func (m *Meter) Say(format string, args ...any) {
	if m.bar != nil {
		m.bar.Clear()
	}
	m.con.Say(format, args...)
}

// End takes the bar away.
func (m *Meter) End() {
	if m.bar != nil {
		m.bar.Clear()
		m.bar = nil
	}
}
