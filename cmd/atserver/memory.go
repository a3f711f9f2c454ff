package main

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
)

// room is how much memory a server may take for what others can make it take. In a
// container with little it is less than by default, so that the server refuses
// before the kernel ends it.
type room struct {
	limit       int64 // of the container, in bytes; 0: none
	lineBudget  int   // bytes for long commands, and as much for large replies
	connections int
}

const (
	mostLines       = 32 << 20
	mostConnections = 200
	leastPlaces     = 10

	linesOf      = 9         // the part of a container that is for long commands
	eachOf       = 320 << 10 // of a container, for each connection
	goShare      = 0.75      // of a container, for Go's memory; the rest is for what is mapped, and the kernel
	withoutLines = 64 << 20  // that a server takes, large values being written
	perLines     = 3         // what comes of a long command: garbage, most of it
)

// roomIn shares the memory of a container out among servers.
func roomIn(limit int64, servers int) room {
	r := room{limit, mostLines, mostConnections}
	if limit > 0 {
		each := limit / int64(max(servers, 1))
		r.lineBudget = int(min(each/linesOf, mostLines))
		r.connections = int(min(max(each/eachOf, leastPlaces), mostConnections))
	}
	return r
}

// limitMemory has the collector work harder than it would by itself: a small server
// is worth more than the last tenth of speed. What large values are read and written
// through is several times their size, and most of it garbage at once.
func limitMemory(limit int64, lineBudget int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		most := int64(withoutLines + perLines*lineBudget)
		if limit > 0 {
			most = min(most, int64(goShare*float64(limit)))
		}
		debug.SetMemoryLimit(most)
	}
}

// logMemory tells what the memory is limited to.
func logMemory(log zerolog.Logger, r room) {
	e := log.Info().Int64("container.bytes", r.limit).Int64("go.bytes", debug.SetMemoryLimit(-1))
	e.Int("line.budget.bytes", r.lineBudget).Int("connections", r.connections).Msg("Memory")
}

// containerLimit is how much memory the control group of this process may use, in
// bytes, 0 if that is not limited. root is the whole file system.
//
// A limit may be that of the group or of one above it. In a container the names in
// /proc/self/cgroup may be those outside it; then its own group is the topmost that
// it sees.
func containerLimit(root fs.FS) int64 {
	groups, err := root.Open("proc/self/cgroup")
	if err != nil {
		return 0
	}
	defer groups.Close()
	least := int64(math.MaxInt64)
	for lines := bufio.NewScanner(groups); lines.Scan(); {
		fields := strings.SplitN(lines.Text(), ":", 3) // number:controllers:path
		if len(fields) < 3 {
			continue
		}
		var mount, file string
		switch {
		case fields[1] == "":
			mount, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+fields[1]+",", ",memory,"):
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			if limit := readLimit(root, path.Join(mount, group, file)); limit > 0 {
				least = min(least, limit)
			}
			if group == "/" {
				break
			}
		}
	}
	if least >= unlimited {
		return 0
	}
	return least
}

// unlimited and above is how the first version of control groups says that there is
// no limit.
const unlimited = 1 << 60

// readLimit reads a number of bytes. "max", and whatever is no number, is 0.
func readLimit(root fs.FS, file string) int64 {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return limit
}
