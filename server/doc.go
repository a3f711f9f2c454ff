// Package server is who is talking: it listens, keeps the connections, and hands
// their commands to package verbs. New wires everything together.
//
// It guarantees that nothing that one connection does hurts another: every
// connection has its own goroutine, a bounded share of memory, time limits on
// everything, and a panic of its own. When the server is full the owner still
// gets in. A reply leaves whole, with its prompt, in one TLS record where it
// fits. Every connection that ends has a Reason. Run returns only when what was
// acknowledged is kept.
package server
