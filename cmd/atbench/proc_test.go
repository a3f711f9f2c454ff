package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 0 -1 4194560 100 0 0 0 123 45 0 0 20 0 7 0 1000 2000 300 18446744073709551615 1"
	for stat, want := range map[string]time.Duration{
		"7 (atserver)" + rest:      1680 * time.Millisecond,
		"7 (a) S 1 (b c) )" + rest: 1680 * time.Millisecond,
	} {
		if got, err := parseStat(stat); got != want || err != nil {
			t.Errorf("%q: got %v, %v", stat, got, err)
		}
	}
	for _, stat := range []string{"", "7 (a) S 1", "7 (a) S 1 2 3 4 5 6 7 8 9 10 x 2 3", "7 (a) S 1 2 3 4 5 6 7 8 9 10 1 x 3"} {
		if got, err := parseStat(stat); err == nil {
			t.Errorf("%q: got %v", stat, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus("Name:\tx\nVmHWM:\t   99 kB\nVmRSS:\t   16 kB\nRssAnon:\t    4 kB\nRssFile:\t   12 kB\n")
	if want := (resident{16 << 10, 4 << 10}); got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	for _, status := range []string{"", "Name:\tx\nVmRSS:\t16 kB\n", "Name:\tx\nVmRSS:\tmany\nRssAnon:\t4 kB\n"} {
		if got, err := parseStatus(status); err == nil {
			t.Errorf("%q: got %v", status, got)
		}
	}
}

func TestParseMounts(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:5 / /dev rw shared:2 - devtmpfs dev rw
31 22 0:6 / /tmp rw - tmpfs tmpfs rw
32 31 0:7 / /tmp/disk rw shared:9 master:1 - xfs /dev/vdb rw
33 22 0:8 / /var rw - ext4 /dev/vdc rw
34 33 0:9 / /var rw - btrfs /dev/vdd rw
broken
`
	for dir, want := range map[string]string{
		"/": "ext4", "/home/a": "ext4", "/tmp": "tmpfs", "/tmp/atbench-1": "tmpfs", "/tmp/disk/a": "xfs",
		"/tmp/diskette": "tmpfs", "/tmpfile": "ext4", "/var/x": "btrfs",
	} {
		if got := parseMounts(mounts, dir); got != want {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
	if got := parseMounts("", "/"); got != "" {
		t.Errorf("no mounts: got %q", got)
	}
}

func TestPeak(t *testing.T) {
	if err := forgetPeak(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	before, err := peakOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	after, err := peakOf(os.Getpid())
	if err != nil || after < before+32<<20 {
		t.Errorf("%d bytes more after touching %d: %v", after-before, len(b), err)
	}
	runtime.KeepAlive(b)
	if _, err := peakOf(-1); err == nil || forgetPeak(-1) == nil {
		t.Error("peak of no process")
	}
}

func TestProcOfOurselves(t *testing.T) {
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if m, err := residentOf(os.Getpid()); err != nil || m.RSS < 1<<20 || m.Anonymous <= 0 || m.Anonymous > m.RSS {
		t.Errorf("got %v, %v", m, err)
	}
	if kind, err := fileSystem("/proc/self"); err != nil || kind != "proc" {
		t.Errorf("got %q, %v", kind, err)
	}
	if _, err := residentOf(-1); err == nil {
		t.Error("memory of no process")
	}
}
