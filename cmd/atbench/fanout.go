package main

import (
	"bufio"
	"context"
	"net"
	"sync"
)

// fanoutCmd is the measure for notifications: a queue and a goroutine for each
// subscriber, which writes what waits at once. It keeps nothing.
type fanoutCmd struct {
	Dir string `arg:"" help:"Folder for its certificate."`
}

// Run serves as the echo does.
func (c *fanoutCmd) Run(ctx context.Context) error {
	var f fanout
	return serve(ctx, c.Dir, f.serve)
}

// startFanout starts one in a process of its own.
func startFanout(ctx context.Context, dir string) (*rival, error) {
	return startSelf(ctx, dir, "fanout")
}

// fanout passes the lines of publishers on to all subscribers.
type fanout struct {
	mu          sync.Mutex
	subscribers []*subscriber
}

// serve serves one connection. Who says "monitor" is a subscriber from then on.
func (f *fanout) serve(conn net.Conn) {
	defer conn.Close()
	in, subscribes := bufio.NewReader(conn), false
	answerLines(conn, in, func(line []byte) bool {
		if subscribes = string(line) == "monitor\n"; !subscribes {
			f.publish(line)
		}
		return !subscribes
	})
	if subscribes {
		f.subscribe(conn, in)
	}
}

func (f *fanout) publish(line []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subscribers {
		s.put(line)
	}
}

// subscribe answers the line that comes with monitor, and serves the subscriber
// until it leaves.
func (f *fanout) subscribe(conn net.Conn, in *bufio.Reader) {
	if _, err := in.ReadSlice('\n'); err != nil {
		return
	}
	s := &subscriber{bell: make(chan struct{}, 1)}
	s.put([]byte("data:ok\n"))
	f.mu.Lock()
	f.subscribers = append(f.subscribers, s)
	f.mu.Unlock()
	for range s.bell {
		s.mu.Lock()
		s.waits, s.out = s.out[:0], s.waits
		s.mu.Unlock()
		if _, err := conn.Write(s.out); err != nil {
			return
		}
	}
}

// subscriber is a queue. Its goroutine owns out.
type subscriber struct {
	bell chan struct{}
	out  []byte

	mu    sync.Mutex
	waits []byte
}

func (s *subscriber) put(line []byte) {
	s.mu.Lock()
	s.waits = append(s.waits, line...)
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
