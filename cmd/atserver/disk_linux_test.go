package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"atserver/verbs/wire"
)

// disk is a file system of its own.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk mounts one of so many MiB, in memory, for as long as the test runs.
func newDisk(t *testing.T, mib int) *disk {
	t.Helper()
	d := &disk{t, t.TempDir()}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("a disk of one's own takes root and the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *disk) path(name string) string { return filepath.Join(d.dir, name) }

// leave fills the disk until so many bytes are left.
func (d *disk) leave(bytes int64) {
	d.t.Helper()
	f, err := os.OpenFile(d.path("ballast"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	var at syscall.Statfs_t
	info, err := f.Stat()
	if err == nil {
		err = syscall.Fstatfs(int(f.Fd()), &at)
	}
	if err == nil {
		err = syscall.Fallocate(int(f.Fd()), 0, info.Size(), int64(at.Bavail)*at.Bsize-bytes)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// free gives the room back.
func (d *disk) free() {
	d.t.Helper()
	if err := os.Remove(d.path("ballast")); err != nil {
		d.t.Fatal(err)
	}
}

var (
	fullDisk   = wire.Error{Code: "AT0010", Text: "Internal server error : the disk of the server is full, nothing is changed until there is room"}
	failedDisk = wire.Error{Code: "AT0010", Text: "Internal server error : the disk of the server failed, nothing is changed until it is started again"}
)

// On a full disk nothing changes, nothing is lost, and everybody reads: also who
// logs in only then. Once there is room all is as before, and the login is in the
// audit trail.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]int64{"no room for a commit": 60 << 20, "no room at all": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, 200)
			h := onboarded(t, d.path("data"))
			before, stranger := h.owner(), h.client(h.data)
			put(t, before, "k1", "before")
			d.leave(left)
			during := h.owner()
			for _, command := range []string{
				"update:public:k1@alice during", "update:public:k2@alice " + strings.Repeat("during", 50_000), "delete:public:k1@alice", "otp:get",
			} {
				refused(t, before.Conn, command, fullDisk)
				refused(t, during.Conn, command, fullDisk)
			}
			for _, c := range []*wire.Conn{before.Conn, during.Conn} {
				ask(t, c, "llookup:public:k1@alice", "before")
				ask(t, c, "llookup:public:k2@alice", "AT0015")
			}
			ask(t, stranger, "lookup:k1@alice", "before")

			d.free()
			put(t, before, "k2", "after")
			h.wantSound(map[string]string{"k1": "before", "k2": "after"})
			if trail := h.audited(); !strings.Contains(trail, `"action":"login.pkam"`) || strings.Count(trail, `"detail":{"at":"`) != 1 {
				t.Errorf("the login on the full disk is not in the audit trail:\n%s", trail)
			}

			d.leave(left)
			h.stop() // in order, though there is no room to tidy up in
			if left == 0 {
				launch(t, nil, local(h.data)...).wantRefused("no space left for the database")
			} else {
				h.again()
				h.wantSound(map[string]string{"k1": "before", "k2": "after"})
				refused(t, h.owner().Conn, "update:public:k1@alice during", fullDisk)
				h.stop()
			}
			d.free()
			h.again()
			h.wantSound(map[string]string{"k1": "before", "k2": "after"})
			put(t, h.owner(), "k1", "after")
			h.stop()
		})
	}
}

// Merging tables takes room for what it writes anew. A server that has none does
// without, and is not killed for a page that cannot be had.
func TestFullDiskWhileMerging(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 250)
	h := onboarded(t, d.path("data"))
	kept := map[string]string{}
	for round := range 5 { // each leaves a table, and five are merged by the next server
		c := h.owner()
		for i := range 2 {
			name := fmt.Sprintf("k%d.r%d", i, round)
			kept[name] = strings.Repeat(name, 3_500_000/len(name))
			put(t, c, name, kept[name])
		}
		h.stop()
		if round < 4 {
			h.again()
		}
	}
	d.leave(33 << 20)
	h.again()
	h.wantSound(kept)
	refused(t, h.owner().Conn, "update:public:k0.r0@alice x", fullDisk)
	h.stop()
	d.free()
	h.again()
	put(t, h.owner(), "k0.r0", "after")
	kept["k0.r0"] = "after"
	h.wantSound(kept)
	h.stop()
}

// A server does not start on a disk that it cannot write to, says so in a line,
// and has harmed nothing.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 200)
	h := onboarded(t, d.path("data"))
	put(t, h.owner(), "k1", "before")
	h.stop()
	remount := func(flags uintptr) {
		if err := syscall.Mount("", d.dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	launch(t, nil, local(h.data)...).wantRefused("read-only file system")
	launch(t, nil, local(d.path("other"))...).wantRefused("read-only file system")
	remount(0)
	h.again()
	h.wantSound(map[string]string{"k1": "before"})
	h.stop()
}

// failing has system calls of a process fail until it is told to stop.
func (p *process) failing(calls, how string) (stop func()) {
	p.t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		p.t.Skip("system calls are made to fail by strace, which is not here")
	}
	var said output
	tracer := exec.Command("strace", "-f", "-p", fmt.Sprint(p.cmd.Process.Pid), "-e", "trace="+calls, "-e", "inject="+calls+":"+how)
	tracer.Stderr = &said
	if err := tracer.Start(); err != nil {
		p.t.Fatal(err)
	}
	stop = func() {
		tracer.Process.Signal(syscall.SIGINT)
		tracer.Wait()
	}
	p.t.Cleanup(stop)
	eventually(p.t, func() bool {
		if strings.Contains(said.String(), "not permitted") {
			p.t.Skipf("strace may not: %s", said.String())
		}
		return strings.Contains(said.String(), "attached")
	})
	return stop
}

// What could not be synced is not acknowledged, nor anything that comes after it:
// a later sync that succeeds says nothing of what the earlier one failed on. The
// owner reads on, and a restart finds all that was acknowledged.
func TestFailingSync(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"error=EIO", "error=EROFS", "error=ENOSPC", "error=EIO:when=1"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := onboarded(t, t.TempDir())
			before := h.owner()
			put(t, before, "k1", "before")
			mend := h.failing("fsync,fdatasync,msync", how)
			refused(t, before.Conn, "update:public:k1@alice during", failedDisk)
			refused(t, before.Conn, "update:public:k2@alice during", failedDisk)
			mend()
			refused(t, before.Conn, "update:public:k3@alice during", failedDisk)
			during := h.owner()
			refused(t, during.Conn, "otp:get", failedDisk)
			ask(t, during.Conn, "llookup:public:k3@alice", "AT0015")
			h.signal(syscall.SIGTERM)
			if status := h.status(); status != 1 || !strings.Contains(h.stderr.String(), "writing the database failed") {
				t.Errorf("status %d", status)
			}
			h.again()
			c := h.owner()
			if got, err := c.Ask(bounded(t), "llookup:public:k1@alice"); got != "before" && got != "during" {
				t.Errorf("k1 is %q, %v", got, err)
			}
			ask(t, c.Conn, "llookup:public:k3@alice", "AT0015")
			put(t, c, "k1", "after")
			h.wantSound(map[string]string{"k1": "after"})
			h.stop()
		})
	}
}
