package main

import (
	"io"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/wcharczuk/go-chart/v2"
)

// writeSVG draws the report: what the 99th of a hundred exchanges takes at most
// against requests a second, a line for each work and side, a point for each number
// of connections. Both axes are logarithmic.
func (r *report) writeSVG(file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := r.draw(out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func (r *report) draw(w io.Writer) error {
	lines := curves(r.Rates)
	c := chart.Chart{
		Width: 1000, Height: 600,
		Background: chart.Style{Padding: chart.Box{Top: 20, Left: 20, Right: 20, Bottom: 20}},
		XAxis:      chart.XAxis{Name: "requests a second"},
		YAxis:      chart.YAxis{Name: "p99, ms", AxisType: chart.YAxisSecondary},
	}
	var xs, ys []float64
	for i, l := range lines {
		xs, ys = append(xs, l.perSecond...), append(ys, l.p99...)
		color := chart.GetAlternateColor(i)
		c.Series = append(c.Series, chart.ContinuousSeries{
			Name: l.name, XValues: l.perSecond, YValues: l.p99,
			Style: chart.Style{StrokeColor: color, StrokeWidth: 2, DotColor: color, DotWidth: 3},
		})
	}
	c.XAxis.Range, c.XAxis.Ticks = decades(xs)
	c.YAxis.Range, c.YAxis.Ticks = decades(ys)
	c.Elements = []chart.Renderable{chart.Legend(&c)}
	return c.Render(chart.SVG, w)
}

// curve is one line. Its values are decimal logarithms.
type curve struct {
	name           string
	perSecond, p99 []float64
}

// curves are those of the server, as measured beside its first rival, and those of
// its rivals.
func curves(rates []rate) (all []curve) {
	line := func(name string) *curve {
		i := slices.IndexFunc(all, func(c curve) bool { return c.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, curve{name: name})
		}
		return &all[i]
	}
	for _, r := range rates {
		work := r.Work
		if r.Pipeline > 1 {
			work += ", " + strconv.Itoa(r.Pipeline) + " in flight"
		}
		if r.Against == rates[0].Against {
			line("atserver " + work).add(r.Ours)
		}
		line(r.Against + " " + work).add(r.Theirs)
	}
	return all
}

func (c *curve) add(s side) {
	c.perSecond = append(c.perSecond, math.Log10(s.PerSecond))
	c.p99 = append(c.p99, math.Log10(s.Took.P99))
}

// decades is an axis that has room for values, from one power of ten to another.
func decades(logs []float64) (*chart.ContinuousRange, []chart.Tick) {
	first, last := math.Floor(slices.Min(logs)), math.Ceil(slices.Max(logs))
	last = max(last, first+1)
	var ticks []chart.Tick
	for at := first; at <= last; at++ {
		ticks = append(ticks, chart.Tick{Value: at, Label: strconv.FormatFloat(math.Pow(10, at), 'f', -1, 64)})
	}
	return &chart.ContinuousRange{Min: first, Max: last}, ticks
}
