package server

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// versions are the versions of TLS that the server speaks, and how many bytes
// of a record are not payload with the cipher of the test.
var versions = []struct {
	version  uint16
	overhead int
}{
	{tls.VersionTLS12, 8 + 16}, // nonce and tag, RFC 5288
	{tls.VersionTLS13, 1 + 16}, // content type and tag, RFC 8446 section 5.2
}

// records returns the payload lengths of the application records in a stream,
// which must be whole.
func records(t *testing.T, stream []byte, overhead int) []int {
	t.Helper()
	var lengths []int
	for len(stream) > 0 {
		if len(stream) < 5 {
			t.Fatalf("%d bytes are no record", len(stream))
		}
		n := int(binary.BigEndian.Uint16(stream[3:]))
		if stream[0] != 23 || len(stream) < 5+n {
			t.Fatalf("record of type %d with %d bytes, of which %d are there", stream[0], n, len(stream)-5)
		}
		lengths, stream = append(lengths, n-overhead), stream[5+n:]
	}
	return lengths
}

func each(t *testing.T, f func(t *testing.T, version uint16, overhead int)) {
	for _, v := range versions {
		t.Run(tls.VersionName(v.version), func(t *testing.T) {
			t.Parallel()
			f(t, v.version, v.overhead)
		})
	}
}

// Clients take one record for one reply.
func TestEachReplyIsARecord(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	b.owner().put("note", 100)
	value := strings.Repeat("0123456789abcdef", 7)[:100]
	each(t, func(t *testing.T, version uint16, overhead int) {
		c := b.dialAs(t, dialing{version: version})
		c.raw.arrived()
		for _, reply := range []struct{ command, answer string }{
			{"noop:0", "data:ok\n@"},
			{"lookup:note@alice", "data:" + value + "\n@"},
			{"nonsense", "error:AT0003-Exception: invalid command\n@"},
			{"", "error:AT0003-Exception: invalid command\n@"},
			{"llookup:a@alice", "error:AT0401-Exception: Command cannot be executed without auth\n@"},
		} {
			c.ask(reply.command, reply.answer)
			wantRecords(t, records(t, c.raw.arrived(), overhead), len(reply.answer))
		}
	})
}

func wantRecords(t *testing.T, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("records of %v bytes, want %v", got, want)
	}
}

// The greeting comes by itself, also where session tickets precede it.
func TestGreetingIsARecord(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	b.stranger()
	outs := b.conns.last.Load().left()
	wantRecords(t, records(t, outs[len(outs)-1], 17), 1)
}

// What arrives together is answered together: each reply in its own record, all
// of them in one write to the network.
func TestPipeline(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	b.owner().put("note", 30)
	b.clock.add(time.Second)
	each(t, func(t *testing.T, version uint16, overhead int) {
		c := b.dialAs(t, dialing{version: version})
		network := b.tapOf(c)
		network.left()
		value := "data:0123456789abcdef0123456789abcd\n@"
		bad := "error:AT0003-Exception: invalid command\n@"
		c.send(strings.Repeat("lookup:note@alice\n", 10) + "bad\n" + strings.Repeat("lookup:note@alice\r\n", 10))
		c.want(strings.Repeat(value, 10) + bad + strings.Repeat(value, 10))
		outs := network.left()
		if len(outs) != 1 {
			t.Errorf("%d writes", len(outs))
		}
		want := slices.Repeat([]int{len(value)}, 21)
		want[10] = len(bad)
		wantRecords(t, records(t, bytes.Join(outs, nil), overhead), want...)
	})
}

// dialAs is dial for a subtest.
func (b *box) dialAs(t *testing.T, d dialing) *client {
	t.Helper()
	c, err := b.try(d)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	c.want("@")
	return c
}

// tapOf is the server's side of a client's connection.
func (b *box) tapOf(c *client) *tap {
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	for conn := range b.gate.conns {
		if conn.raw.RemoteAddr().String() == c.LocalAddr().String() {
			return conn.raw.(*tap)
		}
	}
	b.t.Fatal("the server does not know this client")
	return nil
}

// features is what info says of them.
const features = `[{"name":"notify.eph","status":"GA","description":"notifications that are kept in memory only"},` +
	`{"name":"notify.eAtn","status":"GA","description":"notifications that end at a given time"},` +
	`{"name":"notify.all","status":"Deprecated","description":"one notification for several atSigns"},` +
	`{"name":"notify.text","status":"Deprecated","description":"notifications that are text"}]`

// What may take long holds no answer back that is ready.
func TestSlowCommandsHoldNothingBack(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	c := b.stranger()
	network := b.tapOf(c)
	network.left()
	c.send("info:brief\nnoop:100\ninfo:brief\n")
	brief := `data:{"version":"3.14.0","uptimeAsMillis":0,"features":` + features + `}` + "\n@"
	c.want(brief + "data:ok\n@" + brief)
	var got [][]int
	for _, out := range network.left() {
		got = append(got, records(t, out, 17))
	}
	if want := fmt.Sprint([][]int{{len(brief)}, {len("data:ok\n@"), len(brief)}}); fmt.Sprint(got) != want {
		t.Errorf("writes of records %v, want %v", got, want)
	}
}

// Whatever the length of a reply, it takes no more records than it must, and the
// last one holds its end with the prompt.
func TestLargeReplies(t *testing.T) {
	t.Parallel()
	const record = 16384
	b := start(t, Options{})
	owner := b.owner()
	values := map[int]string{} // by the size of the whole answer
	for _, full := range []int{1, 2, 4, 8} {
		for _, around := range []int{-9, -2, -1, 0, 1, 2, 3, 8, 9} {
			size := full*record + around
			values[size] = owner.put(fmt.Sprint("n", size), size-len("data:"+"\n@"))
		}
	}
	each(t, func(t *testing.T, version uint16, overhead int) {
		c := b.dialAs(t, dialing{version: version})
		for size, value := range values {
			c.raw.arrived()
			c.ask(fmt.Sprintf("lookup:n%d@alice", size), "data:"+value+"\n@")
			want := slices.Repeat([]int{record}, size/record)
			if rest := size % record; rest > 0 {
				want = slices.Insert(want, max(len(want)-1, 0), rest) // the last one is full
			}
			wantRecords(t, records(t, c.raw.arrived(), overhead), want...)
		}
	})
}

// A gather that is full is written in the middle, and nothing is torn or lost.
func TestPipelineBeyondTheGather(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	value := b.owner().put("big", 50_000)
	c := b.stranger()
	network := b.tapOf(c)
	network.left()
	c.send(strings.Repeat("lookup:big@alice\n", 10))
	for range 10 {
		c.want("data:" + value + "\n@")
	}
	b.wantBusy(0)
	outs := network.left()
	var lengths []int
	for _, out := range outs {
		if len(out) > maxHeld {
			t.Errorf("a write of %d bytes", len(out))
		}
		lengths = append(lengths, records(t, out, 17)...)
	}
	unit := len("data:"+value) + 2
	wantRecords(t, lengths, slices.Repeat([]int{16384, 16384, unit - 3*16384, 16384}, 10)...)
	if least := 10 * unit / maxHeld; len(outs) > 2*least+2 {
		t.Errorf("%d writes", len(outs))
	}
}

// Who does not read is cut off, and nobody else notices.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	owner := b.owner()
	value := owner.put("big", 200_000)
	owner.Close()
	b.conns.buffer.Store(16 << 10)
	slow := b.dial(dialing{buffer: 16 << 10})
	b.conns.buffer.Store(0)
	other := b.stranger()

	slow.send(strings.Repeat("lookup:big@alice\n", 100))
	b.wantBusy(1)
	eventually(t, func() bool { // the network takes its time to fill up
		other.ask("lookup:big@alice", "data:"+value+"\n@")
		b.Step(b.clock.add(writeTimeout + time.Millisecond))
		return b.ended[Slow].Load() == 1
	})
	b.wantTaken(1, 1)
	other.ask("lookup:big@alice", "data:"+value+"\n@")
	var got bytes.Buffer
	slow.soon()
	got.ReadFrom(slow) // what was under way
	if !strings.HasPrefix(strings.Repeat("data:"+value+"\n@", 100), got.String()) {
		t.Errorf("got %d bytes that were not asked for", got.Len())
	}
}

// It takes 30 seconds without any progress, from when the janitor sees that until
// it has seen it long enough.
func TestSlowReaderHasTime(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		b.put("big", 200_000)
		c := b.stranger()
		began := time.Now()
		c.send("lookup:big@alice\n")
		time.Sleep(writeTimeout)
		synctest.Wait()
		if len(b.places()) != 1 {
			t.Error("cut off too early")
		}
		time.Sleep(2 * janitorEvery)
		b.wantGone(began, writeTimeout+2*janitorEvery, Slow)
	})
}

// Who reads slowly but steadily is served.
func TestSteadyReader(t *testing.T) {
	inBubble(t, Options{}, nil, func(b *bubble) {
		value := b.put("big", 600_000)
		c := b.stranger()
		c.send("lookup:big@alice\n")
		for whole := "data:" + value + "\n@"; whole != ""; {
			time.Sleep(writeTimeout)
			n := min(len(whole), maxHeld) // a piece of a write
			c.want(whole[:n])
			whole = whole[n:]
		}
		c.ask("noop:0", "data:ok\n@")
	})
}
