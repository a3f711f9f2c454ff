package main_test

import (
	"net"
	"sync"
	"testing"
)

// relay is a stretch of network that can fail. It has an address of its own and leads to a server, which may come and
// go.
type relay struct {
	t        *testing.T
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	to      string        // address of the server
	cut     bool          // who comes is sent away
	flows   chan struct{} // closed while bytes get through
	held    int           // pieces that have waited for that
	refused int           // connections that did not get through
	conns   map[net.Conn]bool
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, listener: l, flows: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(r.flows)
	r.running.Go(r.accept)
	t.Cleanup(func() {
		l.Close()
		r.resume()
		r.cutOff()
		r.running.Wait()
	})
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

// lead says where the server is from now on.
func (r *relay) lead(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

// sever ends all connections.
func (r *relay) sever() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.conns {
		conn.Close()
	}
}

// cutOff ends all connections, and every new one, until resume.
func (r *relay) cutOff() {
	r.mu.Lock()
	r.cut = true
	r.mu.Unlock()
	r.sever()
}

// hang lets nothing through until resume. Nobody is told.
func (r *relay) hang() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flows = make(chan struct{})
}

// resume ends all faults. What was held goes on its way.
func (r *relay) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = false
	select {
	case <-r.flows:
	default:
		close(r.flows)
	}
}

// met counts how often somebody has met a fault so far.
func (r *relay) met() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held + r.refused
}

func (r *relay) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.running.Go(func() { r.carry(conn) })
	}
}

// carry connects somebody with the server until one of both ends it.
func (r *relay) carry(conn net.Conn) {
	defer conn.Close()
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err == nil {
		defer server.Close()
	}
	r.mu.Lock()
	if err != nil || r.cut {
		r.refused++
		r.mu.Unlock()
		return
	}
	r.conns[conn], r.conns[server] = true, true
	r.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() { r.copy(conn, server) })
	r.copy(server, conn)
	back.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, conn)
	delete(r.conns, server)
}

// copy carries what comes one way, and the end of it.
func (r *relay) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, 16<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		r.mu.Lock()
		flows := r.flows
		select {
		case <-flows:
		default:
			r.held++
		}
		r.mu.Unlock()
		<-flows
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}
