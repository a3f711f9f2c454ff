package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// soon is a time by which nothing comes that a test does not wait for.
func soon() time.Time { return time.Now().Add(5 * time.Millisecond) }

// later is a time that no test waits for.
func later() time.Time { return time.Now().Add(time.Minute) }

// listening is a connection that has sent monitor to a script, and what it was notified of.
func listening(t *testing.T, script func(peer)) (c *Conn, events *[]string) {
	t.Helper()
	c, events = dial(t, func(p peer) {
		p.say("@")
		p.hear()
		script(p)
	}), new([]string)
	c.Notify = func(event string) { *events = append(*events, event) }
	if err := c.Send(t.Context(), "monitor"); err != nil {
		t.Fatal(err)
	}
	return c, events
}

func TestListen(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	c, events := listening(t, func(p peer) {
		p.say("notification: 1\nnotification: 2\n")
		p.hear()
		p.say("data:ok\nnotification: 3\n")
		p.hear()
		p.say("notification: 4\ndata:5\n@alice@notification: " + long + "\n")
		p.hear()
	})
	for step, want := range [][]string{{"1", "2"}, {"3"}, {"4", long}} {
		*events = nil
		if step > 0 {
			if _, err := c.Ask(t.Context(), "noop:0"); err != nil {
				t.Fatal(err)
			}
		}
		for len(*events) < len(want) {
			if heard, err := c.Listen(t.Context(), later()); !heard || err != nil {
				t.Fatalf("step %d: heard %v, %v", step, heard, err)
			}
		}
		if !slices.Equal(*events, want) {
			t.Errorf("step %d: %.80q", step, *events)
		}
	}
}

// What was begun when the time was over is not lost.
func TestListenGoesOnAfterSilence(t *testing.T) {
	c, events := listening(t, func(p peer) {
		p.say("@alice@notific")
		p.hear()
		p.say("ation: 1\ndata:ok\n")
		p.hear()
	})
	for range 3 {
		if heard, err := c.Listen(t.Context(), soon()); heard || err != nil {
			t.Fatalf("heard %v, %v", heard, err)
		}
	}
	if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
		t.Fatalf("%q, %v", payload, err)
	}
	if !slices.Equal(*events, []string{"1"}) {
		t.Errorf("events %q", *events)
	}
	if heard, err := c.Listen(t.Context(), time.Now().Add(-time.Hour)); heard || err != nil {
		t.Errorf("a time that has passed: heard %v, %v", heard, err)
	}
}

func TestListenFaultsAreFinal(t *testing.T) {
	tests := []struct {
		name, says string
		want       error
	}{
		{"closed", "", io.ErrUnexpectedEOF},
		{"closed within a line", "notification: {", io.ErrUnexpectedEOF},
		{"a reply to nothing", "data:ok\n", ErrUnexpected},
		{"noise", "hello\n", ErrUnexpected},
		{"endless", "notification: " + strings.Repeat("x", MaxReply+8192), ErrReplyTooLong},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, _ := listening(t, func(p peer) { p.say(test.says) })
			for range 2 {
				if heard, err := c.Listen(t.Context(), later()); heard || !errors.Is(err, test.want) {
					t.Fatalf("heard %v, %v; want %v", heard, err, test.want)
				}
			}
		})
	}
}

func TestListenRefused(t *testing.T) {
	for _, says := range []string{"error:AT0003-Invalid syntax : Invalid regex: (\n@alice@", "@alice@error:AT0003-Invalid syntax : Invalid regex: (\n"} {
		c, _ := listening(t, func(p peer) { p.say(says); p.hear() })
		var refusal *Error
		if _, err := c.Listen(t.Context(), later()); !errors.As(err, &refusal) || refusal.Code != "AT0003" {
			t.Errorf("got %v", err)
		}
		if _, err := c.Ask(t.Context(), "noop:0"); !errors.As(err, &refusal) {
			t.Errorf("the connection goes on: %v", err)
		}
	}
}

func TestListenEndsWithItsContext(t *testing.T) {
	c, _ := listening(t, func(p peer) { p.hear() })
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan error)
	go func() {
		_, err := c.Listen(ctx, later())
		heard <- err
	}()
	cancel()
	if err := <-heard; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSendRefusesWhatIsNotOneLine(t *testing.T) {
	c := dial(t, answers("data:ok\n@"))
	if err := c.Send(t.Context(), "monitor\nnoop:0"); err != ErrNotOneLine {
		t.Errorf("got %v", err)
	}
	if payload, err := c.Ask(t.Context(), "noop:0"); payload != "ok" || err != nil {
		t.Errorf("the connection suffered: %q, %v", payload, err)
	}
}

// Whatever a server says, listening ends, and every notification is handed over once and in order.
func FuzzListen(f *testing.F) {
	for _, seed := range []string{"", "notification: 1\n", "@alice@notification: 1\nnotification: 2\n", "data:ok\n", "error:AT0003-x\n@",
		"notification: " + strings.Repeat("x", 5000) + "\nnotification:", "@@@\n", "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, says string) {
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			io.WriteString(far, "@"+says)
			far.Close()
		}()
		c, err := NewConn(t.Context(), near)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		c.Notify = func(event string) { got = append(got, event) }
		for err == nil {
			_, err = c.Listen(t.Context(), later())
		}
		for line := range strings.SplitSeq(says[:strings.LastIndexByte(says, '\n')+1], "\n") {
			event, ok := strings.CutPrefix(cutPrompts(line), "notification:")
			if !ok {
				break
			}
			want = append(want, strings.TrimSpace(event))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
