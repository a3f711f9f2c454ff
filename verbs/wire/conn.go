package wire

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// MaxReply is the length in bytes of the longest reply a client reads, unless it says otherwise.
const MaxReply = 16 << 20

var (
	// ErrNotOneLine refuses a command that holds LF, CR or NUL: it would be several, or none.
	ErrNotOneLine = errors.New("command is not one line")
	// ErrReplyTooLong means that a reply exceeds the limit of the connection, or that to pol 4096 bytes.
	ErrReplyTooLong = errors.New("reply is too long")
	// ErrNamed refuses a pol on a connection that has been used to log in or for a pol before.
	ErrNamed = errors.New("pol is asked for once, and before any login")
)

// Conn is a client's connection to an atServer. One goroutine uses it at a time; Close may be called by any.
//
// After any error but an error reply and a refused command the connection is of no more use, and says so again: what
// came later could not be told apart from the reply to the next command.
type Conn struct {
	// Notify is given each notification line that arrives while a reply is awaited: the JSON after "notification:".
	// It is called by Ask and Listen, and set before the first. When nil a notification is ErrUnexpected.
	Notify func(event string)
	// MaxReply, if it is set, takes the place of the constant.
	MaxReply int

	conn  net.Conn
	in    *bufio.Reader
	named bool  // prompts may hold a name
	err   error // why it is of no more use
}

// Dial connects to addr ("host:port") with TLS 1.2 or later and waits for the greeting. The certificate must be for the
// host unless cfg names another one; cfg may be nil and is not changed. A server that refuses the connection with an
// error reply yields that *Error.
func Dial(ctx context.Context, addr string, cfg *tls.Config) (*Conn, error) {
	if cfg = cfg.Clone(); cfg == nil {
		cfg = new(tls.Config)
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	c, err := NewConn(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return c, nil
}

// NewConn is Dial for a connection that has been made already. It waits for the greeting, and closes the connection
// when it fails.
func NewConn(ctx context.Context, conn net.Conn) (*Conn, error) {
	c := &Conn{conn: conn, in: bufio.NewReader(conn)}
	if err := c.during(ctx, c.greeting); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// Ask sends one command and returns the payload of its reply as ParseReply does. The context bounds writing and
// reading. The command itself never appears in an error.
//
// The reply to a successful pol is a prompt and has no end of its own. So pol is asked for at most once, before any
// login, while prompts hold no name and it cannot be taken for the prompt of the command before.
func (c *Conn) Ask(ctx context.Context, line string) (string, error) {
	verb, _, _ := strings.Cut(line, ":")
	pol := verb == "pol"
	if pol && c.named {
		return "", ErrNamed
	}
	c.named = c.named || pol || verb == "cram" || verb == "pkam"
	reply, err := c.ask(ctx, line, pol)
	if err != nil {
		return "", err
	}
	payload, err := ParseReply(reply)
	if errors.Is(err, ErrUnexpected) {
		c.err = err
	}
	return payload, err
}

// Send sends one command that is not answered unless it is refused: monitor. Listen or the next Ask then tells of that.
func (c *Conn) Send(ctx context.Context, line string) error {
	if err := oneLine(line); err != nil {
		return err
	}
	return c.during(ctx, func() error { return c.send(line) })
}

// Close ends the connection. An Ask under way fails.
func (c *Conn) Close() error { return c.conn.Close() }

// ask sends a line and returns the line that answers it, unread.
func (c *Conn) ask(ctx context.Context, line string, pol bool) (reply string, err error) {
	if err := oneLine(line); err != nil {
		return "", err
	}
	err = c.during(ctx, func() error {
		if err := c.send(line); err != nil {
			return err
		}
		reply, err = c.reply(pol)
		return err
	})
	return reply, err
}

// oneLine refuses what would not be one command.
func oneLine(line string) error {
	switch {
	case strings.ContainsAny(line, "\n\r\x00"):
		return ErrNotOneLine
	case len(line) >= MaxLine:
		return ErrLineTooLong
	}
	return nil
}

// send writes a line, unless something came that nobody asked for.
func (c *Conn) send(line string) error {
	if err := c.settle(); err != nil {
		return err
	}
	if _, err := c.conn.Write(append([]byte(line), '\n')); err != nil {
		return fmt.Errorf("send command: %w", err)
	}
	return nil
}

// during runs f and makes its reads and writes end with ctx.
func (c *Conn) during(ctx context.Context, f func() error) error {
	if c.err != nil {
		return c.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() { // the deadline has passed, or is about to: nothing more can be asked
		c.err = ctx.Err()
		if err != nil {
			err = c.err
		}
	}
	if err != nil {
		c.err = err
	}
	return err
}

// greeting reads the "@" which a server sends first, or the error it sends instead.
func (c *Conn) greeting() error {
	first, err := c.in.ReadByte()
	if err != nil {
		return fmt.Errorf("await greeting: %w", noEOF(err))
	}
	if first == '@' {
		return nil
	}
	if err := c.in.UnreadByte(); err != nil {
		return err
	}
	line, err := c.line()
	if err != nil {
		return fmt.Errorf("await greeting: %w", err)
	}
	if _, err = ParseReply(line); err == nil {
		err = ErrUnexpected
	}
	return fmt.Errorf("await greeting: %w", err)
}

// settle looks at what has arrived since the last reply. That is its prompt, which stays: it may still be incomplete,
// has no end to wait for, and is cut off the front of the next reply. Lines nobody asked for are no replies.
func (c *Conn) settle() error {
	for {
		waiting, _ := c.in.Peek(c.in.Buffered())
		if bytes.IndexByte(waiting, '\n') < 0 {
			if rest := cutPrompts(string(waiting)); startsReply(rest) && !strings.HasPrefix(rest, "notification:") {
				return ErrUnexpected
			}
			return nil
		}
		line, err := c.line()
		if err != nil {
			return err
		}
		if !c.notified(line) {
			return ErrUnexpected
		}
	}
}

// reply reads lines up to the first that is no notification.
func (c *Conn) reply(pol bool) (string, error) {
	read := c.line
	if pol {
		read = c.lineOrPrompt
	}
	for {
		line, err := read()
		if err != nil {
			return "", fmt.Errorf("await reply: %w", err)
		}
		if !c.notified(line) {
			return line, nil
		}
	}
}

// notified tells whether the line is a notification that somebody wants, and hands it over.
func (c *Conn) notified(line string) bool {
	event, ok := strings.CutPrefix(cutPrompts(line), "notification:")
	if !ok || c.Notify == nil {
		return false
	}
	c.Notify(strings.TrimSpace(event))
	return true
}

// line reads up to LF and returns what was before it.
func (c *Conn) line() (string, error) {
	var line []byte
	longest := cmp.Or(c.MaxReply, MaxReply)
	for {
		part, err := c.in.ReadSlice('\n')
		if err == nil {
			return string(append(line, part[:len(part)-1]...)), nil
		}
		if err != bufio.ErrBufferFull {
			return "", noEOF(err)
		}
		if line = append(line, part...); len(line) > longest {
			return "", ErrReplyTooLong
		}
	}
}

// lineOrPrompt reads a line that may end with a prompt with a name in it as well as with LF.
func (c *Conn) lineOrPrompt() (string, error) {
	const limit = 4096 // an error is short
	var line []byte
	for len(line) < limit {
		b, err := c.in.ReadByte()
		if err != nil {
			return "", noEOF(err)
		}
		if b == '\n' {
			return string(line), nil
		}
		line = append(line, b)
		if b == '@' && provenPrompt(string(line)) != "" {
			return string(line), nil
		}
	}
	return "", ErrReplyTooLong
}

// noEOF says what the end of a stream means where a reply was due.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("connection closed by the server: %w", io.ErrUnexpectedEOF)
	}
	return err
}
