package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// report is the result of a run.
type report struct {
	host
	Pairs      int     `json:"pairs"`
	Seconds    float64 `json:"seconds"`
	Records    int     `json:"records,omitempty"`
	ValueBytes int     `json:"valueBytes,omitempty"`
	Rates      []rate  `json:"rates"`
}

func writeJSON(w io.Writer, r any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeTable prints the report for people.
func (r *report) writeTable(w io.Writer) error {
	var b bytes.Buffer
	r.writeHead(&b)
	if r.Records > 0 {
		fmt.Fprintf(&b, "%s records of %d bytes; ", grouped(r.Records), r.ValueBytes)
	}
	fmt.Fprintf(&b, "%d pairs of %v s\n", r.Pairs, r.Seconds)
	tableRates(&b, r.Rates)
	_, err := b.WriteTo(w)
	return err
}

// tableRates prints a row for each comparison, those with one rival below its name.
func tableRates(b *bytes.Buffer, rates []rate) {
	against := ""
	for _, r := range rates {
		if r.Against != against {
			against = r.Against
			fmt.Fprintf(b, "\n                          %22s      requests/s       CPU µs/request         ms, p50         ms, p99\n"+
				"work       conns in flight  median       range   cpu     ours  theirs     ours  theirs    ours  theirs    ours  theirs\n", "atserver / "+against)
		}
		fmt.Fprintf(b, "%-10s %5s %9d %7s %11s %5.2f %8s %7s %8.1f %7.1f %7.2f %7.2f %7.2f %7.2f\n", r.Work, grouped(r.Connections), r.Pipeline,
			ratio(r.Ratio.Median), ratio(r.Ratio.Low)+"–"+ratio(r.Ratio.High), r.CPURatio.Median, grouped(int(r.Ours.PerSecond)), grouped(int(r.Theirs.PerSecond)),
			r.Ours.CPU, r.Theirs.CPU, r.Ours.Took.P50, r.Theirs.Took.P50, r.Ours.Took.P99, r.Theirs.Took.P99)
	}
}

// ratio writes a ratio, a small one with as much meaning as a larger.
func ratio(r float64) string {
	if r < 0.095 {
		return fmt.Sprintf("%.3f", r)
	}
	return fmt.Sprintf("%.2f", r)
}

// between is the range, with numbers in that format.
func (s spread) between(format string) string {
	return fmt.Sprintf(format+"–"+format, s.Low, s.High)
}

// writeResident prints a row about memory in units of so many bytes.
func writeResident(b *bytes.Buffer, name string, m resident, unit string, bytes float64) {
	fmt.Fprintf(b, "%-36s %7.1f %s  %7.1f %s\n", name, float64(m.RSS)/bytes, unit, float64(m.Anonymous)/bytes, unit)
}

// grouped writes a number that is not negative with commas.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
