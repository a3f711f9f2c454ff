package main

import (
	"bytes"
	"fmt"
	"io"
)

// scaleReport is the result of a run.
type scaleReport struct {
	host
	Keys          int        `json:"keys"`
	Namespaces    int        `json:"namespaces"`
	Rounds        int        `json:"rounds"`
	Seconds       float64    `json:"seconds"`
	ValueBytes    int        `json:"valueBytes"`
	FillPerSecond float64    `json:"fillPerSecond"`
	Growth        []growth   `json:"growth"`
	Pages         []pages    `json:"pages"`
	Beside        []beside   `json:"beside"`
	Large         []large    `json:"large"`
	Opening       []opening  `json:"opening"`
	Memory        []occupied `json:"memory"`
}

// occupied is what a server occupies after a step.
type occupied struct {
	After string   `json:"after"`
	Now   resident `json:"now"`
}

// writeTable prints the report for people.
func (r *scaleReport) writeTable(w io.Writer) error {
	var b bytes.Buffer
	r.writeHead(&b)
	fmt.Fprintf(&b, "%s records of %d bytes in %s namespaces, written at %s a second; medians of %d\n",
		grouped(r.Keys), r.ValueBytes, grouped(r.Namespaces), grouped(int(r.FillPerSecond)), r.Rounds)
	for _, table := range []func(*bytes.Buffer){r.tableGrowth, r.tablePages, r.tableBeside, r.tableLarge, r.tableOpening, r.tableMemory} {
		b.WriteByte('\n')
		table(&b)
	}
	_, err := b.WriteTo(w)
	return err
}

func (r *scaleReport) tableGrowth(b *bytes.Buffer) {
	b.WriteString("records in the store                       reply     half      all     all/half\n")
	for _, g := range r.Growth {
		fmt.Fprintf(b, "%-40s %7s %8.2f %8.2f ms %9.2f\n", g.Work, grouped(g.Records), g.Half.Median, g.Full.Median, g.Ratio)
	}
}

func (r *scaleReport) tablePages(b *bytes.Buffer) {
	b.WriteString("sync, pages of   pages  whole log    first   middle     last     middle/first  last/first\n")
	for _, p := range r.Pages {
		fmt.Fprintf(b, "%14s %7s %8.2f s %8.2f %8.2f %8.2f ms %13.2f %11.2f\n", grouped(p.Limit), grouped(p.Pages), p.Seconds,
			p.First.Median, p.Middle.Median, p.Last.Median, p.MiddleRatio, p.LastRatio)
	}
}

func (r *scaleReport) tableBeside(b *bytes.Buffer) {
	b.WriteString("one update while another       alone p50      p99   beside p50      p99      ratio p50    p99\n")
	for _, s := range r.Beside {
		fmt.Fprintf(b, "%-30s %9.2f %8.2f %12.2f %8.2f ms %11.2f %6.2f\n", "reads by "+s.Reads, s.Alone.P50, s.Alone.P99,
			s.Beside.P50, s.Beside.P99, s.Ratio.P50, s.Ratio.P99)
	}
}

func (r *scaleReport) tableLarge(b *bytes.Buffer) {
	b.WriteString("10,000,000 bytes     RSS before     written       peak        read       peak\n")
	for _, l := range r.Large {
		by := fmt.Sprintf("by %d connections", l.Connections)
		if l.Connections == 1 {
			by = "by one connection"
		}
		fmt.Fprintf(b, "%-20s %7.1f MiB %8.2f s %6.1f MiB %9.2f s %6.1f MiB\n", by, mebibytes(l.Before.RSS),
			l.Write.Seconds, mebibytes(l.Write.Peak), l.Read.Seconds, mebibytes(l.Read.Peak))
	}
}

func (r *scaleReport) tableOpening(b *bytes.Buffer) { tableOpening(b, r.Opening) }

func tableOpening(b *bytes.Buffer, all []opening) {
	b.WriteString("start to first answer after            median         range\n")
	for _, o := range all {
		fmt.Fprintf(b, "%-36s %5.0f ms %13s\n", o.After, o.Took.Median, o.Took.between("%.0f"))
	}
}

func (r *scaleReport) tableMemory(b *bytes.Buffer) {
	b.WriteString("memory after                                 RSS    anonymous\n")
	for _, m := range r.Memory {
		writeResident(b, m.After, m.Now, "MiB", 1<<20)
	}
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
