package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestNotifyValidate(t *testing.T) {
	good := notifyCmd{Pairs: 1, Seconds: 1, Monitors: []int{1}, Flight: []int{1}, Unreachable: 1, Settle: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*notifyCmd){
		"no pairs":          func(c *notifyCmd) { c.Pairs = 0 },
		"no time":           func(c *notifyCmd) { c.Seconds = 0 },
		"no monitor":        func(c *notifyCmd) { c.Monitors = []int{10, 0} },
		"too many monitors": func(c *notifyCmd) { c.Monitors = []int{maxConns + 1} },
		"too many in one":   func(c *notifyCmd) { c.Flight = []int{maxPipeline + 1} },
		"endless rest":      func(c *notifyCmd) { c.Settle = 601 },
		"all reachable":     func(c *notifyCmd) { c.Unreachable = 0 },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What the server says of itself, and what others say, is passed over.
func TestListener(t *testing.T) {
	const lines = `notification: {"id":"-1","from":"@alice","key":"statsNotification.@alice"}
notification: {"id":"a","from":"@bob","key":"x"}
notification: {"id":"b","from":"@alice","key":"x"}
rest
`
	l := listener{lines: bufio.NewReader(strings.NewReader(lines))}
	if err := l.from("@alice"); err != nil {
		t.Fatal(err)
	}
	if rest, err := l.lines.ReadString('\n'); rest != "rest\n" || err != nil {
		t.Errorf("then came %q, %v", rest, err)
	}
	if err := l.from("@alice"); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

// Nobody ever answers, and only so many are held.
func TestMute(t *testing.T) {
	l, err := listenMute(1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(patience))
		conns = append(conns, conn)
	}
	if _, err := conns[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the first of three: %v", err)
	}
	conns[2].SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	var slow net.Error
	if _, err := conns[2].Read(make([]byte, 1)); !errors.As(err, &slow) || !slow.Timeout() {
		t.Errorf("the last of three: %v", err)
	}
	l.Close()
	conns[1].SetReadDeadline(time.Now().Add(patience))
	if _, err := conns[1].Read(make([]byte, 1)); err == nil || errors.As(err, &slow) && slow.Timeout() {
		t.Errorf("after the end: %v", err)
	}
}

func TestByName(t *testing.T) {
	if got := byName("127.0.0.1:6464"); got != "localhost:6464" {
		t.Errorf("got %s", got)
	}
}
