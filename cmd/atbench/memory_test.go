package main

import (
	"bytes"
	"testing"
)

func TestMemoryValidate(t *testing.T) {
	good := memoryCmd{Conns: []int{10}, Settle: 1, Loaded: 1, Watch: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*memoryCmd){
		"zero":             func(c *memoryCmd) { c.Conns = []int{0} },
		"too many":         func(c *memoryCmd) { c.Conns = []int{10, 30_000} },
		"negative records": func(c *memoryCmd) { c.Records = -1 },
		"too many atSigns": func(c *memoryCmd) { c.AtSigns = 101 },
		"no rest":          func(c *memoryCmd) { c.Settle = 0 },
		"endless rest":     func(c *memoryCmd) { c.Loaded = 601 },
		"no watch":         func(c *memoryCmd) { c.Watch = 0 },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMemoryTable(t *testing.T) {
	r := memoryReport{host: host{Server: "v1", Machine: "m", FileSystem: "ext4"}, Settle: 10, Loaded: 60, Watch: 20, Idle: []idle{
		{With: "nothing", Now: resident{15 << 20, 4 << 20}, idleness: idleness{0.5, 9.25}},
		{With: "monitors", Connections: 10_000, Now: resident{200 << 20, 150 << 20}, Each: resident{18 << 10, 17 << 10}, idleness: idleness{12, 100}},
		{With: "records", Records: 100_000, Now: resident{30 << 20, 20 << 20}},
	}}
	const want = `v1
m, data on ext4
after 10 s of rest, with records after 60; watched for 20 s

idle with                     RSS    anonymous      each: RSS   anonymous       CPU      wake-ups
nothing                  15.0 MiB      4.0 MiB                                0.50 ms/s     9.2 /s
10,000 monitors         200.0 MiB    150.0 MiB       18.0 KiB     17.0 KiB   12.00 ms/s   100.0 /s
100,000 records          30.0 MiB     20.0 MiB                                0.00 ms/s     0.0 /s
`
	var got bytes.Buffer
	if err := r.writeTable(&got); err != nil || got.String() != want {
		t.Errorf("%v\n%s", err, &got)
	}
}
