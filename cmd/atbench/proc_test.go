package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseActivity(t *testing.T) {
	const status = "Name:\tx\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t9\n"
	got, err := parseActivity("1253300 6368140 2\n", status)
	if want := (activity{1253300 * time.Nanosecond, 7}); got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range [][2]string{{"", status}, {"x 1 2", status}, {"1 2 3", ""}, {"1 2 3", "Name:\tx\nvoluntary_ctxt_switches:\tx\n"}} {
		if got, err := parseActivity(bad[0], bad[1]); err == nil {
			t.Errorf("%q: got %v", bad, got)
		}
	}
}

// A process that works shows it; so does one that keeps waking up.
func TestIdlenessOf(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := idlenessOf(ended, os.Getpid(), time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	stop := again(t.Context(), func(context.Context) error { time.Sleep(time.Microsecond); return nil })
	defer stop()
	if got, err := idlenessOf(t.Context(), os.Getpid(), 50*time.Millisecond); got.CPU <= 0 || got.WakeUps < 20 || err != nil {
		t.Errorf("got %v, %v", got, err)
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
	if a, err := activityOf(os.Getpid()); a.cpu <= 0 || err != nil {
		t.Errorf("got %v, %v", a, err)
	}
	if load, err := loadAverage(); load < 0 || err != nil {
		t.Errorf("got %v, %v", load, err)
	}
	if _, err := activityOf(-1); err == nil {
		t.Error("activity of no process")
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
