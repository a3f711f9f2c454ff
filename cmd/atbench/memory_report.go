package main

import (
	"bytes"
	"fmt"
	"io"
)

// writeTable prints the report for people.
func (r *memoryReport) writeTable(w io.Writer) error {
	var b bytes.Buffer
	r.writeHead(&b)
	fmt.Fprintf(&b, "after %v s of rest, with records after %v; watched for %v s\n\n", r.Settle, r.Loaded, r.Watch)
	b.WriteString("idle with                     RSS    anonymous      each: RSS   anonymous       CPU      wake-ups\n")
	for _, i := range r.Idle {
		each := fmt.Sprintf("%26s", "")
		if i.Connections > 0 {
			each = fmt.Sprintf("%8.1f KiB %8.1f KiB", kibibytes(i.Each.RSS), kibibytes(i.Each.Anonymous))
		}
		fmt.Fprintf(&b, "%-20s %8.1f MiB %8.1f MiB   %-26s %6.2f ms/s %7.1f /s\n", i.what(), mebibytes(i.Now.RSS), mebibytes(i.Now.Anonymous),
			each, i.CPU, i.WakeUps)
	}
	_, err := b.WriteTo(w)
	return err
}

func kibibytes(n int64) float64 { return float64(n) / (1 << 10) }
