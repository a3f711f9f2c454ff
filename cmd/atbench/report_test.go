package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func sample() *report {
	return &report{
		host:  host{Server: "atserver v1, go1.26", Machine: "linux/amd64, 2 CPUs", FileSystem: "ext4"},
		Pairs: 5, Seconds: 0.5, Records: 10000, ValueBytes: 100,
		Rates: []rate{
			{"noop", "echo", 1, 1, pairs{Ratio: spread{0.97, 0.9, 1.02}, CPURatio: spread{1.25, 1, 2},
				Ours: side{14650.4, 52.25, quantiles{0.06, 0.125}}, Theirs: side{15100, 48, quantiles{0.06, 0.1}}}},
			{"update", "redis", 1000, 16, pairs{Ratio: spread{0.125, 0.1, 0.5}, CPURatio: spread{10, 9, 11},
				Ours: side{999, 1252.2, quantiles{3, 25}}, Theirs: side{1234567, 8, quantiles{1, 2}}}},
		},
	}
}

func TestWriteTable(t *testing.T) {
	const want = `atserver v1, go1.26
linux/amd64, 2 CPUs, data on ext4
10,000 records of 100 bytes; 5 pairs of 0.5 s

                                 atserver / echo      requests/s       CPU µs/request         ms, p50         ms, p99
work       conns in flight  median       range   cpu     ours  theirs     ours  theirs    ours  theirs    ours  theirs
noop           1         1    0.97   0.90–1.02  1.25   14,650  15,100     52.2    48.0    0.06    0.06    0.12    0.10

                                atserver / redis      requests/s       CPU µs/request         ms, p50         ms, p99
work       conns in flight  median       range   cpu     ours  theirs     ours  theirs    ours  theirs    ours  theirs
update     1,000        16    0.12   0.10–0.50 10.00      999 1,234,567   1252.2     8.0    3.00    1.00   25.00    2.00
`
	var got bytes.Buffer
	if err := sample().writeTable(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

func TestWriteTableWarnsOfTmpfs(t *testing.T) {
	r := sample()
	for kind, want := range map[string]bool{"ext4": false, "tmpfs": true, "ramfs": true, "": false} {
		r.FileSystem = kind
		var got bytes.Buffer
		if err := r.writeTable(&got); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.String(), "NOTHING IS DURABLE") != want {
			t.Errorf("on %q:\n%s", kind, &got)
		}
	}
}

func TestWriteTableTellsOfLoad(t *testing.T) {
	r := sample()
	for load, want := range map[float64]string{0: "on ext4\n", 0.99: "on ext4\n", 7.25: "on ext4; the machine had other work (load 7.2)\n"} {
		r.Load = load
		var got bytes.Buffer
		if err := r.writeTable(&got); err != nil || !strings.Contains(got.String(), want) {
			t.Errorf("load %v: %v\n%s", load, err, &got)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := writeJSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Rates[0].Ratio != sample().Rates[0].Ratio || back.Rates[1].Work != sample().Rates[1].Work || back.Server != sample().Server {
		t.Errorf("came back as %+v", back)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 12345: "12,345", 123456: "123,456", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestRatio(t *testing.T) {
	for r, want := range map[float64]string{0: "0.000", 0.0123: "0.012", 0.0951: "0.10", 0.5: "0.50", 12.345: "12.35"} {
		if got := ratio(r); got != want {
			t.Errorf("%v: got %s, want %s", r, got, want)
		}
	}
}
