package main_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"atserver/enroll/atauth"
)

// knock connects from another address of this machine, and says nothing.
func (h *home) knock(from byte) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, from)}}
	c, err := d.DialContext(bounded(h.t), "tcp", h.address())
	if err == nil {
		h.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// enter is knock with a handshake.
func (h *home) enter(from byte) (*tls.Conn, error) {
	c, err := h.knock(from)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(c, &tls.Config{RootCAs: roots(h.t, filepath.Join(h.data, "tls", "ca.pem")), ServerName: "127.0.0.1"})
	return conn, conn.HandshakeContext(bounded(h.t))
}

// insists logs the owner in, who tries again as long as there is no place.
func (h *home) insists() (c *atauth.Client) {
	h.t.Helper()
	eventually(h.t, func() (in bool) {
		ctx, cancel := context.WithTimeout(h.t.Context(), patience)
		defer cancel()
		var err error
		c, err = h.login(ctx, h.keys)
		return err == nil
	})
	return c
}

// limited has a program started by a shell that sets a limit first.
func limited(limit string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", limit + ` && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
}

// A server with few descriptors keeps those that its database needs, whoever comes.
// Who is in goes on, also with writes that begin new files, and the owner gets in.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{64, 128} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			h := onboarded(t, t.TempDir())
			h.stop()
			h.process = launchAs(t, limited(fmt.Sprint("ulimit -n ", limit)), nil, local(h.data)...)
			h.wantPrinted(" at 127.0.0.1:", "\n")
			h.wantLogged("the system allows too few open files", 1)
			c := h.owner()
			var strangers []net.Conn
			for i := range 3 * limit {
				stranger, err := h.knock(byte(2 + i%100))
				if err != nil {
					t.Fatal(err)
				}
				strangers = append(strangers, stranger)
			}
			kept := map[string]string{}
			for i := range 6 { // several new files of the log, and tables
				name := fmt.Sprint("k", i)
				kept[name] = strings.Repeat(name, 2_000_000)
				put(t, c, name, kept[name])
			}
			for _, stranger := range strangers {
				stranger.Close()
			}
			put(t, h.insists(), "last", "1")
			kept["last"] = "1"
			h.wantSound(kept)
			h.stop()
		})
	}
}

// Strangers who handshake and never speak, who speak a byte at a time and who
// never handshake take the places that strangers may have. Whoever is in is served
// all the while, and the owner gets in as soon as the oldest of them are of age.
func TestHalfOpenConnections(t *testing.T) {
	t.Parallel()
	h := onboarded(t, t.TempDir(), "--max-connections", "20", "--max-per-address", "20")
	before := h.owner()
	for i := range byte(30) {
		c, err := h.knock(2 + i)
		if err == nil {
			_, err = c.Write([]byte{0x16, 3, 1}) // the beginning of a handshake
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range byte(30) {
		if c, err := h.enter(2 + i); err == nil {
			io.WriteString(c, "n") // the beginning of a command; there may be no place any more
		}
	}
	put(t, before, "k1", "during")
	put(t, h.insists(), "k2", "during")
	h.wantSound(map[string]string{"k1": "during", "k2": "during"})
	h.stop()
}

// resident is how many bytes of memory a process has, or had at most.
func (p *process) resident(name string) int64 {
	p.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip("memory of a process is only told by /proc")
	}
	_, rest, _ := strings.Cut(string(raw), name+":")
	var kib int64
	fmt.Sscan(rest, &kib)
	return kib << 10
}

// Two hundred strangers who each send a command of nine megabytes get the memory
// that is for such commands, and no more: most are told that there is none. The
// server stays as small as it is told to be, and the owner gets a large value in.
func TestLongCommandsFromEverywhere(t *testing.T) {
	t.Parallel()
	h := onboarded(t, t.TempDir())
	h.stop()
	h.process = serving(t, []string{"GOMEMLIMIT=64MiB"}, local(h.data, "--line-budget-mib", "16", "--max-connections", "300")...)
	owner := h.owner()
	put(t, owner, "k1", "before")
	line := []byte(strings.Repeat("x", 9_000_000))
	var strangers sync.WaitGroup
	var refusals, unanswered counter
	for i := range 200 {
		strangers.Go(func() {
			c, err := h.enter(byte(2 + i%100))
			if err != nil {
				unanswered.add() // there may be no place
				return
			}
			go c.Write(line) // which the server does not take to its end
			answer, _ := io.ReadAll(io.LimitReader(c, 200))
			c.NetConn().Close()
			if strings.Contains(string(answer), "AT0005") {
				refusals.add()
			}
		})
	}
	strangers.Wait()
	if refusals.n == 0 {
		t.Errorf("nobody was refused, %d were not let in", unanswered.n)
	}
	const most = 160 << 20
	if peak := h.resident("VmHWM"); peak > most {
		t.Errorf("it took %d MiB", peak>>20)
	}
	put(t, owner, "k2", strings.Repeat("v", 4_000_000))
	h.insists()
	h.wantSound(map[string]string{"k1": "before", "k2": strings.Repeat("v", 4_000_000)})
	t.Logf("%d refused, %d not let in; %d MiB at most", refusals.n, unanswered.n, h.resident("VmHWM")>>20)
	h.stop()
}

// counter counts from several goroutines.
type counter struct {
	sync.Mutex
	n int
}

func (c *counter) add() {
	c.Lock()
	defer c.Unlock()
	c.n++
}
