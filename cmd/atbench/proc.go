package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the CPU time that a process has used, to 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	return parseStat(string(stat))
}

// parseStat reads utime and stime (proc(5), /proc/pid/stat, fields 14 and 15), in
// ticks of which Linux shows 100 a second everywhere.
func parseStat(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name before may hold anything
	if len(fields) < 13 {
		return 0, fmt.Errorf("CPU time: %q is no /proc/PID/stat", stat)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
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
		if *bytes, err = statusLine(status, name); err != nil {
			return resident{}, err
		}
	}
	return m, nil
}

// statusLine is what one line says of memory, in bytes.
func statusLine(status, name string) (int64, error) {
	_, after, _ := strings.Cut(status, "\n"+name+":")
	line, _, _ := strings.Cut(after, "\n")
	kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory: no %s in /proc/PID/status", name)
	}
	return kib << 10, nil
}

// peakOf is the most that was resident since forgetPeak.
func peakOf(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	return statusLine(string(status), "VmHWM")
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
