package main

import (
	"bytes"
	"testing"
)

func TestWriteScaleTable(t *testing.T) {
	r := scaleReport{
		host: host{Server: "atserver v1, go1.26", Machine: "linux/amd64, 2 CPUs", FileSystem: "ext4"},
		Keys: 100_000, Namespaces: 1000, Rounds: 9, Seconds: 1, ValueBytes: 100, FillPerSecond: 12345.6,
		Growth: []growth{
			{"scan, everything, by the owner", 100_000, spread{Median: 150}, spread{Median: 300.5}, 2.003},
			{"stats:3, by the owner", 1, spread{Median: 0.126}, spread{Median: 0.12}, 0.95},
		},
		Pages: []pages{{
			Limit: 1000, Pages: 101, Entries: 100_003, Seconds: 1.234,
			First: spread{Median: 9}, Middle: spread{Median: 9.5}, Last: spread{Median: 10}, MiddleRatio: 1.06, LastRatio: 1.11,
		}},
		Beside: []beside{{"scan", 20, quantiles{0.5, 2}, quantiles{1, 12}, quantiles{2, 6}}},
		Large:  []large{{8, resident{100 << 20, 50 << 20}, moved{2.5, 400 << 20}, moved{1.25, 300 << 20}}},
		Opening: []opening{
			{"a clean stop", spread{25, 20, 31}}, {"kill -9 after 10,000 updates", spread{120, 99.6, 1234}},
		},
		Memory: []occupied{{"empty", resident{14 << 20, 4 << 20}}},
	}
	const want = `atserver v1, go1.26
linux/amd64, 2 CPUs, data on ext4
100,000 records of 100 bytes in 1,000 namespaces, written at 12,345 a second; medians of 9

records in the store                       reply     half      all     all/half
scan, everything, by the owner           100,000   150.00   300.50 ms      2.00
stats:3, by the owner                          1     0.13     0.12 ms      0.95

sync, pages of   pages  whole log    first   middle     last     middle/first  last/first
         1,000     101     1.23 s     9.00     9.50    10.00 ms          1.06        1.11

one update while another       alone p50      p99   beside p50      p99      ratio p50    p99
reads by scan                       0.50     2.00         1.00    12.00 ms        2.00   6.00

10,000,000 bytes     RSS before     written       peak        read       peak
by 8 connections       100.0 MiB     2.50 s  400.0 MiB      1.25 s  300.0 MiB

start to first answer after            median         range
a clean stop                            25 ms         20–31
kill -9 after 10,000 updates           120 ms      100–1234

memory after                                 RSS    anonymous
empty                                   14.0 MiB      4.0 MiB
`
	var got bytes.Buffer
	if err := r.writeTable(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}
