package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"atserver/enroll"
	"atserver/verbs"
	"atserver/verbs/wire"
)

// conn is one connection. Its goroutine owns everything but the atomics, which
// others use to watch it, and raw, which they may close.
type conn struct {
	srv   *Server
	id    uint64
	from  string // address without port
	since time.Time
	raw   net.Conn
	ctx   context.Context // of its commands
	end   context.CancelFunc

	tls       *tls.Conn
	out       outbox
	framer    wire.Framer
	session   *verbs.Session
	principal enroll.Principal // as the gate knows it
	small     [512]byte        // what an idle connection reads into
	commands  int64            // executed so far
	received  int64            // bytes of them

	turn    *turn         // of the command under way, if its reply is large
	parting *time.Timer   // cuts off who ended itself
	watch   watch         // of the gate
	kind    atomic.Uint32 // enroll.Kind
	active  atomic.Int64  // last byte in or out, Unix ms
	busy    atomic.Bool   // executing a command
	leaving atomic.Bool   // ends after the command under way
	why     atomic.Uint32 // Reason, the first one counts
	spared  atomic.Bool   // its enrollment ended by its own wish
	monitor
	who atomic.Pointer[enroll.Principal]
}

var readPool = sync.Pool{New: func() any { return new([16 << 10]byte) }}

func (c *conn) lastActive() time.Time { return time.UnixMilli(c.active.Load()) }

func (c *conn) touch() { c.active.Store(c.srv.options.Now().UnixMilli()) }

// because notes why the connection ends, unless that is known already.
func (c *conn) because(why Reason) { c.why.CompareAndSwap(uint32(Unknown), uint32(why)) }

// cut ends the connection from outside, without a word.
func (c *conn) cut(why Reason) {
	c.because(why)
	c.raw.Close()
	c.end()
}

// stay keeps the connection for a while although its enrollment ends; 0 takes that
// back.
func (c *conn) stay(d time.Duration) {
	if c.parting != nil {
		c.parting.Stop()
	}
	if c.spared.Store(d > 0); d > 0 {
		c.parting = time.AfterFunc(d, func() { c.cut(Ended) })
	}
}

// serve runs the connection from the handshake to its end.
func (c *conn) serve() {
	rests := false
	defer c.finish(&rests)
	if err := c.handshake(); err != nil {
		c.because(NoHandshake)
		return
	}
	c.session = verbs.NewSession(c.from)
	c.session.CheckPeer = c.srv.peerCheck(c.tls)
	c.session.Stay = c.stay
	c.session.Turn = c.takeTurn
	c.session.Monitor = c.startMonitor
	c.session.SendReady = c.giveWay
	c.principal = c.session.Principal
	c.framer.Budget = c.srv.shareOf(enroll.Anonymous)
	if c.say([]byte(wire.Prompt(""))) != nil {
		return
	}
	rests = c.talk(false)
}

// turnAway tells a connection that there is no place for it.
func (c *conn) turnAway() {
	defer c.finish(new(bool))
	late := time.AfterFunc(handshakeTimeout, func() { c.cut(Full) })
	defer late.Stop()
	c.because(Full)
	if c.handshake() == nil {
		c.say(wire.Full)
	}
}

// handshake runs on a goroutine of its own, whose grown stack ends with it.
func (c *conn) handshake() error {
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := errors.New("handshake panicked")
		defer func() {
			recover() // whatever a stranger found to send, it ends this connection only
			done <- err
		}()
		err = c.tls.HandshakeContext(ctx)
	}()
	err := <-done
	c.out.gathered.hold = err == nil
	return err
}

// converse reads and executes commands until the connection ends, or rests.
func (c *conn) converse(rested bool) (why Reason, rests bool) {
	rest := rest{conn: c}
	defer rest.stop()
	if !rested {
		rest.worked()
	}
	buf := c.small[:]
	var large *[16 << 10]byte
	defer func() {
		if large != nil {
			readPool.Put(large)
		}
	}()
	for {
		if c.leaving.Load() { // set while the command before was still counted as busy
			return Shutdown, false
		}
		n, err := c.tls.Read(buf)
		if n > 0 {
			c.touch()
			c.received += int64(n)
			c.srv.metrics.received.Add(float64(n))
			full := n == len(buf)
			c.framer.Feed(buf[:n], full)
			if why := c.execute(); why != Unknown {
				return why, false
			}
			rest.worked()
			switch {
			case full && large == nil:
				large = readPool.Get().(*[16 << 10]byte)
				buf = large[:]
			case !full && large != nil && c.framer.Pending() == 0:
				readPool.Put(large)
				large, buf = nil, c.small[:]
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if rest.due() {
				return Unknown, true
			}
		case errors.Is(err, io.EOF):
			return ClientGone, false
		default:
			return Broken, false
		}
	}
}

// execute runs the commands that have arrived, in order, and sends the answers.
// Unknown means that the connection goes on.
func (c *conn) execute() (why Reason) {
	c.busy.Store(true)
	defer c.busy.Store(false)
	defer c.speak()
	for {
		c.hush()
		line, ok, err := c.framer.Next()
		switch {
		case err != nil:
			c.answer(verbs.Reply{}, err)
			c.flush()
			return Overflow
		case !ok:
			if c.flush() != nil {
				return Broken
			}
			c.touch()
			if c.leaving.Load() {
				return Shutdown
			}
			return Unknown
		}
		if why := c.command(line); why != Unknown {
			c.flush()
			return why
		}
	}
}

// command runs one command.
func (c *conn) command(line wire.Line) Reason {
	begun := c.srv.options.Now()
	c.commands++
	var reply verbs.Reply
	err := line.Err
	name := ""
	if err == nil {
		cmd := c.srv.verbs.Find(line.Text)
		if name = cmd.Name(); cmd.Slow() && c.flush() != nil {
			return Broken
		}
		reply, err = c.srv.verbs.Exec(c.ctx, c.srv.env, c.session, cmd)
		if p := c.session.Principal; p != c.principal {
			c.principal = p
			c.who.Store(&p)
			c.srv.gate.identify(c, p.Kind)
			c.framer.Budget = c.srv.shareOf(p.Kind)
		}
	}
	c.srv.metrics.executed(name, c.srv.options.Now().Sub(begun), err)
	if e := c.srv.options.Log.Debug(); e.Enabled() {
		e.Uint64(fieldConn, c.id).Str(fieldVerb, name).Str(fieldOutcome, verbs.Outcome(err)).Msg("Command")
	}
	end, sent := c.answer(reply, err)
	if c.turn != nil && sent == nil {
		sent = c.flush()
		c.endTurn()
	}
	switch {
	case sent != nil:
		return Broken
	case !end:
		return Unknown
	case errors.Is(err, verbs.ErrPanic):
		return Panicked
	case err != nil:
		return Refused
	}
	return ClientExit
}

// answer puts what a command answers into the outbox.
func (c *conn) answer(reply verbs.Reply, err error) (end bool, sent error) {
	if err == nil && len(reply.Data) >= maxHeld {
		c.pen.take()
		defer c.pen.give()
		for _, piece := range c.session.Long(reply) {
			if sent == nil {
				sent = c.out.write(piece)
			}
		}
		return reply.End, sent
	}
	scratch := heldPool.Get().(*[]byte)
	unit, end := c.session.Append((*scratch)[:0], reply, err)
	if len(unit) > 0 {
		sent = c.put(unit)
	}
	if cap(unit) <= maxHeld {
		*scratch = unit[:0]
		heldPool.Put(scratch)
	}
	return end, sent
}

// say sends a unit at once.
func (c *conn) say(unit []byte) error {
	if err := c.put(unit); err != nil {
		c.because(Broken)
		return err
	}
	if err := c.flush(); err != nil {
		c.because(Broken)
		return err
	}
	return nil
}

// finish closes the connection, unless it rests, and takes the blame for a panic of
// its goroutine.
func (c *conn) finish(rests *bool) {
	p := recover()
	if *rests {
		return
	}
	if p != nil {
		c.why.Store(uint32(Panicked))
		c.srv.options.Log.Error().Uint64(fieldConn, c.id).Interface("panic", p).
			Bytes("stack", debug.Stack()).Msg("Connection panicked")
	}
	c.end()
	c.endTurn()
	c.framer.Close()
	c.out.gathered.hold = false
	goodbye := time.AfterFunc(time.Second, func() { c.raw.Close() }) // TLS says it, if somebody listens
	c.tls.Close()
	goodbye.Stop()
	c.endMonitor()
	c.srv.gate.leave(c)
	c.srv.ended[c.why.Load()].Add(1)
	c.logEnd()
}

// logEnd writes the one line that the log has of each connection.
func (c *conn) logEnd() {
	e := c.srv.options.Log.Info()
	if !e.Enabled() {
		return
	}
	kind := enroll.Kind(c.kind.Load())
	e.Uint64(fieldConn, c.id).Str(fieldFrom, c.from).Str(fieldKind, kindName(kind))
	if kind == enroll.Peer {
		e.Str(fieldPeer, string(c.principal.Sign))
	}
	if id := c.enrollment(); id != "" {
		e.Str(fieldEnroll, id)
	}
	e.Int64(fieldTook, c.srv.options.Now().Sub(c.since).Milliseconds()).Int64(fieldSaid, c.commands).
		Int64(fieldIn, c.received).Int64(fieldOut, c.out.sent).
		Str(fieldReason, Reason(c.why.Load()).String()).Msg("Connection ended")
}

// enrollment is what the connection acts by, "" for none.
func (c *conn) enrollment() string {
	if p := c.who.Load(); p != nil {
		return p.Enrollment
	}
	return ""
}

func kindName(k enroll.Kind) string {
	switch k {
	case enroll.App:
		return "app"
	case enroll.CRAM:
		return "cram"
	case enroll.Peer:
		return "peer"
	}
	return "anonymous"
}
