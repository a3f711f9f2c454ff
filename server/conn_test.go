package server

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"
)

// A client may say that it will send no more: what it sent is answered.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	for name, commands := range map[string]string{
		"one command":    "noop:10\n",
		"three":          "noop:0\nnoop:10\nnoop:0\n",
		"and a torn one": "noop:0\nnoo",
		"none":           "",
	} {
		t.Run(name, func(t *testing.T) {
			c := b.dialAs(t, dialing{})
			c.send(commands)
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.want(strings.Repeat("data:ok\n@", strings.Count(commands, "\n")))
			c.wantEnd()
		})
	}
	b.wantEnded(ClientGone, 4)
	b.wantTaken(0, 0)
}

// Whatever one connection meets, its neighbour goes on.
func TestFaultsStayWithTheirConnection(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	owner, neighbour := b.owner(), b.stranger()
	value := owner.put("big", 100_000)
	faults := map[string]struct {
		commands string
		at       []string // functions
		answer   string
	}{
		"in a command":          {"from:@alice\nnoop:0\n", []string{"atserver/verbs.(*Set).Exec"}, "error:AT0011-Exception: Exception: internal failure\n@"},
		"when bytes arrive":     {"noop:0\n", []string{"atserver/server.(*conn).touch"}, ""},
		"behind a whole answer": {"noop:0\n", []string{"atserver/server.(*conn).execute", "atserver/server.(*conn).touch"}, "data:ok\n@"},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			c := b.dialAs(t, dialing{})
			panics := b.ended[Panicked].Load()
			b.clock.breakIn(fault.at...)
			c.send(fault.commands)
			c.want(fault.answer)
			c.wantEnd()
			b.wantEnded(Panicked, panics+1)
			neighbour.t, owner.t = t, t
			neighbour.ask("lookup:big@alice", "data:"+value+"\n@")
			owner.ask("noop:0", "data:ok\n@alice@")
		})
	}
	if log := b.log.String(); strings.Count(log, "the clock is broken") != len(faults) || !strings.Contains(log, "server.(*conn).converse") {
		t.Error("a fault is not in the log with its stack")
	}
	b.wantTaken(2, 1)
}

// Silence is counted from the last byte in either direction.
func TestEveryByteIsALife(t *testing.T) {
	t.Parallel()
	b := start(t, Options{AnonymousIdle: time.Minute})
	c := b.stranger()
	for _, piece := range []string{"no", "op", ":", "0"} {
		b.pass(50 * time.Second)
		seen := b.readings()
		c.send(piece)
		eventually(t, func() bool { return b.readings() != seen })
		b.step(0)
	}
	c.ask("", "data:ok\n@")
	b.wantTaken(1, 1)
}

// readings adds up when all connections were active last.
func (b *box) readings() (sum int64) {
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	for c := range b.gate.conns {
		sum += c.active.Load()
	}
	return sum
}

// A command in any number of pieces and records is one command.
func TestCommandsInPieces(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.owner()
	value := strings.Repeat("0123456789", 10_000)
	line := "update:public:big@alice " + value + "\n"
	for _, size := range []int{1 << 20, 16384, 511, 512, 513} {
		for rest := line; rest != ""; {
			n := min(len(rest), size)
			c.send(rest[:n])
			rest = rest[n:]
		}
		if answer := c.line(); !strings.HasPrefix(answer, "data:") {
			t.Fatalf("in pieces of %d: got %q", size, answer)
		}
		c.want("@alice@")
		c.ask("llookup:public:big@alice", "data:"+value+"\n@alice@")
	}
}

// A blank line is answered when it comes alone, as some clients begin with one,
// and dropped behind a command, as others end each with two line feeds.
func TestBlankLines(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.stranger()
	const invalid = "error:AT0003-Exception: invalid command\n@"
	for _, test := range []struct{ in, out string }{
		{"\r\n", invalid},
		{"\n", invalid},
		{"noop:0\n\n", "data:ok\n@"},
		{"noop:0\r\n\r\n", "data:ok\n@"},
		{"noop:0\n\nnoop:0\n\n", "data:ok\n@data:ok\n@"},
		{"\nnoop:0\n", invalid + "data:ok\n@"},
	} {
		c.send(test.in)
		c.want(test.out)
		c.ask("noop:0", "data:ok\n@") // and nothing more came
	}
}

func TestMalformedText(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.stranger()
	for _, line := range []string{"noop\x00:0", "noop:\xff0", "no\rop:0"} {
		c.ask(line, "error:AT0003-Exception: a command is UTF-8 text without NUL and CR\n@")
	}
	c.ask("\ufeff \tnoop:0 \r", "data:ok\n@")
}

func TestVersionsOfTLS(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	for version, spoken := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c, err := b.try(dialing{version: version})
			if c.t = t; (err == nil) != spoken {
				t.Fatalf("got %v", err)
			}
			if spoken {
				c.want("@")
			}
		})
	}
}

// Clients may name the protocol or none.
func TestALPN(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	for _, protocols := range [][]string{nil, {"atProtocol/1.0"}, {"h2", "atProtocol/1.0"}} {
		conn, err := tls.Dial("tcp", b.addr, &tls.Config{RootCAs: b.roots(), ServerName: "localhost", Time: b.clock.now, NextProtos: protocols})
		if err != nil {
			t.Fatalf("%v: %v", protocols, err)
		}
		defer conn.Close()
		c := &client{Conn: conn, t: t}
		c.want("@")
		c.ask("noop:0", "data:ok\n@")
	}
}
