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
		Pairs: 5, Seconds: 0.5, Pipeline: 1, Records: 10000, ValueBytes: 100,
		Rates: []rate{
			{Work: "noop", Connections: 1, Ratio: spread{0.97, 0.9, 1.02}, Atserver: side{14650.4, 52.25}, Echo: side{15100, 48}},
			{Work: "update", Connections: 1000, Ratio: spread{0.125, 0.1, 0.5}, Atserver: side{999, 1252.2}, Echo: side{1234567, 8}},
		},
		Memory: &memory{
			Empty: resident{14 << 20, 4 << 20}, Connections: 1000,
			Connected: resident{35 << 20, 25 << 20}, Each: resident{21504, 20 << 10},
		},
	}
}

func TestWriteTable(t *testing.T) {
	const want = `atserver v1, go1.26
linux/amd64, 2 CPUs, data on ext4
10,000 records of 100 bytes; 5 pairs of 0.5 s, each connection with 1 in flight

                   atserver / TLS echo         requests/s    CPU µs/request
work       conns   median        range   atserver    echo   atserver   echo
noop           1     0.97    0.90–1.02     14,650  15,100       52.2   48.0
update     1,000     0.12    0.10–0.50        999 1,234,567     1252.2    8.0

memory                                       RSS    anonymous
empty                                   14.0 MiB      4.0 MiB
1,000 idle connections, logged in       35.0 MiB     25.0 MiB
each of them                            21.0 KiB     20.0 KiB
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
		r.FileSystem, r.Memory = kind, nil
		var got bytes.Buffer
		if err := r.writeTable(&got); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.String(), "NOTHING IS DURABLE") != want || strings.Contains(got.String(), "memory") {
			t.Errorf("on %q:\n%s", kind, &got)
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
	if back.Rates[0].Ratio != sample().Rates[0].Ratio || *back.Memory != *sample().Memory || back.Server != sample().Server {
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
