package server

import "time"

// restAfter is the silence after which a connection rests: it goes on on a fresh
// goroutine, because the stack that its commands took would stay as large as it was.
const restAfter = 3 * time.Second

// goOn runs a connection that rested, from the next command on.
func (c *conn) goOn() {
	rests := false
	defer c.finish(&rests)
	rests = c.talk(true)
}

// talk is converse that has a connection which rests go on on a goroutine of its own.
func (c *conn) talk(rested bool) (rests bool) {
	why, rests := c.converse(rested)
	if rests {
		c.srv.connections.Go(c.goOn)
		return true
	}
	c.because(why)
	return false
}

// rest interrupts the reading of a connection, to see whether it is silent. It runs
// from the first command on, and costs the next ones nothing.
type rest struct {
	conn  *conn
	timer *time.Timer // nil: nothing was executed on this goroutine
	busy  bool        // something was since the timer was set
}

// worked notes that something was executed.
func (r *rest) worked() {
	if r.busy = r.timer != nil; !r.busy {
		r.timer = time.AfterFunc(restAfter, func() { r.conn.raw.SetReadDeadline(time.Unix(1, 0)) })
	}
}

// due tells, when reading was interrupted, whether nothing came meanwhile.
func (r *rest) due() bool {
	r.conn.raw.SetReadDeadline(time.Time{})
	if r.timer == nil || !r.busy {
		return r.timer != nil
	}
	r.busy = false
	r.timer.Reset(restAfter)
	return false
}

func (r *rest) stop() {
	if r.timer != nil {
		r.timer.Stop()
	}
}
