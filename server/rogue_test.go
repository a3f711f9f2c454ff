package server

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"atserver/enroll"
	"atserver/verbs/wire"
)

// The steps on the way to another server at which it can fail.
const (
	atAccept    = "accept"
	atHandshake = "TLS"
	atGreeting  = "greeting"
	atLookup    = "lookup of the public key"
	atFrom      = "from"
	atPol       = "pol"
	atRequest   = "request"
)

// What it does then.
const (
	hangs    = "hangs"
	closes   = "closes"
	halves   = "breaks off"
	babbles  = "talks nonsense"
	neverLF  = "never comes to the end of a line"
	isFull   = "is full"
	inPieces = "sends a byte at a time"
)

// rogue is the server of an atSign, which fails in one way at one step until it is mended.
type rogue struct {
	t       *testing.T
	address string
	cert    *tls.Certificate
	at, how string
	mended  atomic.Bool
	over    chan struct{} // closed when it need not hang any more

	mu    sync.Mutex
	proof string   // what it has others sign; "": something of its own
	told  []string // requests that it took
}

func newRogue(t *testing.T, cert *tls.Certificate, at, how string) *rogue {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	r := &rogue{t: t, address: "localhost:" + port, cert: cert, at: at, how: how, over: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				r.serve(conn)
			})
		}
	})
	t.Cleanup(func() { // the servers have ended by now, and so have all connections
		l.Close()
		r.mend()
		running.Wait()
	})
	return r
}

// mend makes it as good as any.
func (r *rogue) mend() {
	if !r.mended.Swap(true) {
		close(r.over)
	}
}

// fails misbehaves, if this is the step.
func (r *rogue) fails(at string, conn io.Writer) bool {
	if at != r.at || r.mended.Load() || r.how == inPieces {
		return false
	}
	switch r.how {
	case hangs:
		<-r.over
	case halves:
		io.WriteString(conn, "data:ha")
	case babbles:
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		<-r.over
	case neverLF:
		for range wire.MaxReply>>20 + 1 {
			io.WriteString(conn, strings.Repeat("x", 1<<20))
		}
		<-r.over
	case isFull:
		conn.Write(wire.Full)
	}
	return true
}

func (r *rogue) serve(raw net.Conn) {
	if r.fails(atAccept, raw) {
		return
	}
	if r.at == atHandshake && !r.mended.Load() {
		raw.Read(make([]byte, 1))
		io.WriteString(raw, "\x16\x03\x03") // the beginning of a record
		r.fails(atHandshake, raw)
		return
	}
	conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{*r.cert}})
	if conn.Handshake() != nil || r.fails(atGreeting, conn) {
		return
	}
	io.WriteString(conn, "@")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		at, reply := r.answer(lines.Text())
		if r.fails(at, conn) {
			return
		}
		if at == atRequest {
			r.mu.Lock()
			r.told = append(r.told, lines.Text())
			r.mu.Unlock()
		}
		if r.how != inPieces {
			io.WriteString(conn, reply)
			continue
		}
		for i := range len(reply) {
			io.WriteString(conn, reply[i:i+1])
		}
	}
}

// answer is what a good server says. It believes everybody.
func (r *rogue) answer(line string) (at, reply string) {
	switch {
	case strings.HasPrefix(line, "lookup:all:publickey@"):
		return atLookup, "error:AT0015-Exception: it does not exist in keystore\n@"
	case strings.HasPrefix(line, "from:"):
		r.mu.Lock()
		defer r.mu.Unlock()
		return atFrom, "data:" + cmp.Or(r.proof, "proof:_"+enroll.NewID()+strings.TrimPrefix(line, "from:")+":"+enroll.NewID()) + "\n@"
	case line == "pol":
		return atPol, "@alice@"
	case strings.HasPrefix(line, "notify:"):
		return atRequest, "data:success\n@alice@"
	}
	return atRequest, `data:{"key":"x","data":"v","metaData":{}}` + "\n@alice@"
}

// notified counts how often it took a notification.
func (r *rogue) notified(id string) (times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.told {
		if strings.HasPrefix(line, "notify:id:"+id+":") {
			times++
		}
	}
	return times
}
