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
	Pipeline   int     `json:"pipeline"`
	Records    int     `json:"records"`
	ValueBytes int     `json:"valueBytes"`
	Rates      []rate  `json:"rates"`
	Memory     *memory `json:"memory,omitempty"`
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
	fmt.Fprintf(&b, "%s records of %d bytes; %d pairs of %v s, each connection with %d in flight\n",
		grouped(r.Records), r.ValueBytes, r.Pairs, r.Seconds, r.Pipeline)
	r.tableRates(&b)
	r.tableMemory(&b)
	_, err := b.WriteTo(w)
	return err
}

func (r *report) tableRates(b *bytes.Buffer) {
	b.WriteString(`
                   atserver / TLS echo         requests/s    CPU µs/request
work       conns   median        range   atserver    echo   atserver   echo
`)
	for _, rate := range r.Rates {
		fmt.Fprintf(b, "%-8s %7s %8.2f %12s %10s %7s %10.1f %6.1f\n",
			rate.Work, grouped(rate.Connections), rate.Ratio.Median, fmt.Sprintf("%.2f–%.2f", rate.Ratio.Low, rate.Ratio.High),
			grouped(int(rate.Atserver.PerSecond)), grouped(int(rate.Echo.PerSecond)), rate.Atserver.CPU, rate.Echo.CPU)
	}
}

func (r *report) tableMemory(b *bytes.Buffer) {
	m := r.Memory
	if m == nil {
		return
	}
	b.WriteString("\nmemory                                       RSS    anonymous\n")
	writeResident(b, "empty", m.Empty, "MiB", 1<<20)
	writeResident(b, grouped(m.Connections)+" idle connections, logged in", m.Connected, "MiB", 1<<20)
	writeResident(b, "each of them", m.Each, "KiB", 1<<10)
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
