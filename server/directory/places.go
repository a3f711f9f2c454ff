package directory

import (
	"net"
	"sync"
)

// places counts the connections of now, so that one client cannot keep all others out.
type places struct {
	mu    sync.Mutex
	all   int
	taken map[string]int // by IP address
}

// take finds a place for a connection, which its end must leave. It is false when there is none.
func (p *places) take(from net.Addr) (leave func(), ok bool) {
	address, _, err := net.SplitHostPort(from.String())
	if err != nil {
		address = from.String()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == maxConns || p.taken[address] == maxPerAddress {
		return nil, false
	}
	p.all++
	p.taken[address]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.taken[address]--; p.taken[address] == 0 {
			delete(p.taken, address)
		}
	}, true
}
