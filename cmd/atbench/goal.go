package main

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// goal is what is wanted of one figure, and what it is.
type goal struct {
	Work     string  `json:"work"`
	Measured spread  `json:"measured"`
	Unit     string  `json:"unit,omitempty"` // none for ratios
	AtLeast  bool    `json:"atLeast"`        // more is better
	Must     float64 `json:"must,omitempty"` // 0: nothing
	Aim      float64 `json:"aim,omitempty"`
}

// goals are all that were measured, and those that could not be.
type goals struct {
	host
	Pairs  int      `json:"pairs"`
	Goals  []goal   `json:"goals"`
	Failed []string `json:"notMeasured,omitempty"` // which, and why
}

// atLeast takes in a ratio that is to be high.
func (g *goals) atLeast(work string, measured spread, must, aim float64) {
	g.Goals = append(g.Goals, goal{Work: work, Measured: measured, AtLeast: true, Must: must, Aim: aim})
}

// atMost takes in a value that is to be low.
func (g *goals) atMost(work string, measured spread, unit string, must, aim float64) {
	g.Goals = append(g.Goals, goal{Work: work, Measured: measured, Unit: unit, Must: must, Aim: aim})
}

// once is a value that was measured only once.
func once(value float64) spread { return spread{value, value, value} }

// inverse is theirs by ours.
func (s spread) inverse() spread { return spread{1 / s.Median, 1 / s.High, 1 / s.Low} }

// reaches tells whether the median is as good as that.
func (g goal) reaches(bound float64) bool {
	if g.AtLeast {
		return g.Measured.Median >= bound
	}
	return g.Measured.Median <= bound
}

// missed tells whether it falls short of what must be. A figure that is no number
// does.
func (g goal) missed() bool { return g.Must != 0 && !g.reaches(g.Must) }

func (g goal) state() string {
	switch {
	case g.missed():
		return "NOT MET"
	case g.Aim == 0:
		return "met"
	case g.reaches(g.Aim):
		return "aim reached"
	case g.Must == 0:
		return "short of aim"
	}
	return "met"
}

// missed counts what falls short, and what was not measured.
func (g *goals) missed() int {
	n := len(g.Failed)
	for _, goal := range g.Goals {
		if goal.missed() {
			n++
		}
	}
	return n
}

// writeTable prints them for people.
func (g *goals) writeTable(w io.Writer) error {
	var b bytes.Buffer
	g.writeHead(&b)
	fmt.Fprintf(&b, "ratios are medians of %d pairs or more\n\n%s measured         range       must        aim\n", g.Pairs, pad("", workWidth))
	for _, goal := range g.Goals {
		between := ""
		if goal.Measured.Low != goal.Measured.High {
			between = goal.number(goal.Measured.Low) + "–" + goal.number(goal.Measured.High)
		}
		fmt.Fprintf(&b, "%s %8s %-4s %s %s %s  %s\n", pad(goal.Work, workWidth), goal.number(goal.Measured.Median), goal.Unit,
			padLeft(between, 13), padLeft(goal.bound(goal.Must), 6), padLeft(goal.bound(goal.Aim), 10), goal.state())
	}
	for _, failed := range g.Failed {
		fmt.Fprintf(&b, "not measured: %s\n", failed)
	}
	_, err := b.WriteTo(w)
	return err
}

const workWidth = 58

// number writes a value of the goal.
func (g goal) number(value float64) string {
	if g.Unit == "" {
		return ratio(value)
	}
	return fmt.Sprintf("%.1f", value)
}

// bound writes what is wanted.
func (g goal) bound(value float64) string {
	switch {
	case value == 0:
		return "–"
	case g.AtLeast:
		return fmt.Sprintf("≥ %v", value)
	}
	return fmt.Sprintf("≤ %v", value)
}

// pad and padLeft count characters, where fmt counts bytes of what it is given as
// one.
func pad(s string, width int) string     { return s + spaces(s, width) }
func padLeft(s string, width int) string { return spaces(s, width) + s }

func spaces(s string, width int) string {
	return fmt.Sprintf("%*s", max(width-utf8.RuneCountInString(s), 0), "")
}
