package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// activity is what the threads of a process have done so far. One that has ended is
// missed: those of Go and of Redis last as long as the process.
type activity struct {
	cpu     time.Duration
	wakeUps int64 // times that a thread had waited for something and went on
}

// activityOf asks the kernel.
func activityOf(pid int) (all activity, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err == nil && len(threads) == 0 {
		err = os.ErrProcessDone
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(filepath.Join(thread, "schedstat"))
		if err != nil {
			return all, activityError(err)
		}
		status, err := os.ReadFile(filepath.Join(thread, "status"))
		if err != nil {
			return all, activityError(err)
		}
		one, err := parseActivity(string(stat), string(status))
		if err != nil {
			return all, err
		}
		all.cpu, all.wakeUps = all.cpu+one.cpu, all.wakeUps+one.wakeUps
	}
	return all, activityError(err)
}

func activityError(err error) error {
	if err != nil {
		err = fmt.Errorf("CPU time: %w", err)
	}
	return err
}

// parseActivity reads what Linux tells of one thread: in schedstat its CPU time in
// ns, first, and in status the wake-ups.
func parseActivity(schedstat, status string) (a activity, err error) {
	ns, _, _ := strings.Cut(schedstat, " ")
	cpu, err := strconv.ParseInt(ns, 10, 64)
	if err != nil {
		return a, fmt.Errorf("CPU time: %q is no schedstat", schedstat)
	}
	a.cpu = time.Duration(cpu)
	a.wakeUps, err = statusLine(status, "voluntary_ctxt_switches", "")
	return a, err
}

// idleness is what a process does that nobody asks for anything.
type idleness struct {
	CPU     float64 `json:"cpuMsPerSecond"`
	WakeUps float64 `json:"wakeUpsPerSecond"`
}

// idlenessOf watches a process for some time.
func idlenessOf(ctx context.Context, pid int, length time.Duration) (i idleness, err error) {
	before, err := activityOf(pid)
	begin := time.Now()
	if err == nil {
		err = rest(ctx, length)
	}
	if err != nil {
		return i, err
	}
	after, err := activityOf(pid)
	elapsed := time.Since(begin).Seconds()
	return idleness{
		CPU:     milliseconds(after.cpu-before.cpu) / elapsed,
		WakeUps: float64(after.wakeUps-before.wakeUps) / elapsed,
	}, err
}

// rest lets time pass.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resident is the memory of a process that is not swapped out, in bytes.
type resident struct {
	RSS       int64 `json:"rss"`
	Anonymous int64 `json:"anonymous"` // without what is mapped from files, as the program itself
}

// residentOf asks the kernel.
func residentOf(pid int) (resident, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return resident{}, fmt.Errorf("memory: %w", err)
	}
	return parseStatus(string(status))
}

// parseStatus reads proc(5), /proc/pid/status.
func parseStatus(status string) (m resident, err error) {
	for name, bytes := range map[string]*int64{"VmRSS": &m.RSS, "RssAnon": &m.Anonymous} {
		kib, err := statusLine(status, name, " kB")
		if err != nil {
			return resident{}, err
		}
		*bytes = kib << 10
	}
	return m, nil
}

// statusLine is the number that one line has, in that unit.
func statusLine(status, name, unit string) (int64, error) {
	_, after, _ := strings.Cut(status, "\n"+name+":")
	line, _, _ := strings.Cut(after, "\n")
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), unit), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("no %s in /proc/PID/status", name)
	}
	return n, nil
}

// peakOf is the most that was resident since forgetPeak, in bytes.
func peakOf(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	kib, err := statusLine(string(status), "VmHWM", " kB")
	return kib << 10, err
}

// forgetPeak makes the peak what is resident now (proc(5), /proc/pid/clear_refs).
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// fileSystem is the kind of file system that a folder is on.
func fileSystem(dir string) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("file system: %w", err)
	}
	return parseMounts(string(mounts), dir), nil
}

// parseMounts reads proc(5), /proc/pid/mountinfo: the mount point is the fifth
// field, the type the first after a lone dash. The longest, and of those the
// latest, counts.
func parseMounts(mounts, dir string) (kind string) {
	longest := 0
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		fields, types := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(types) == 0 {
			continue
		}
		point := strings.TrimSuffix(fields[4], "/")
		if len(point) >= longest && strings.HasPrefix(dir+"/", point+"/") {
			longest, kind = len(point), types[0]
		}
	}
	return kind
}

// loadAverage is how many threads wanted to run in the last minute.
func loadAverage() (load float64, err error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		load, err = strconv.ParseFloat(first, 64)
	}
	if err != nil {
		err = fmt.Errorf("load: %w", err)
	}
	return load, err
}
