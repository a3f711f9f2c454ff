package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Listen waits for notifications and gives them to Notify: the first to come, and what came with it. It tells whether
// there was any by a time. Nothing is lost when there was none: the connection may be used as before.
//
// An error reply, by which a server refuses a monitor or ends a connection, is an *Error. After it, too, the connection
// is of no more use.
func (c *Conn) Listen(ctx context.Context, until time.Time) (heard bool, err error) {
	err = c.during(ctx, func() (err error) {
		heard, err = c.listen(ctx, until)
		return err
	})
	return heard, err
}

func (c *Conn) listen(ctx context.Context, until time.Time) (heard bool, err error) {
	if err := c.readBy(ctx, until); err != nil {
		return false, err
	}
	for {
		there, err := c.lineThere(!heard)
		if err != nil || !there {
			return heard, errors.Join(err, c.readBy(ctx, time.Time{}))
		}
		if err := c.readBy(ctx, time.Time{}); err != nil {
			return heard, err
		}
		late := time.AfterFunc(lineTime, func() { c.conn.SetReadDeadline(time.Unix(1, 0)) })
		line, err := c.line()
		late.Stop()
		if err != nil {
			return heard, fmt.Errorf("await notification: %w", err)
		}
		if !c.notified(line) {
			return heard, unasked(line)
		}
		heard = true
	}
}

// lineTime is how long a line that is longer than what is buffered may take.
const lineTime = time.Minute

// readBy bounds the reads that follow. A ctx that has ended keeps its own bound: whoever set that later is told.
func (c *Conn) readBy(ctx context.Context, t time.Time) error {
	c.conn.SetReadDeadline(t) // a failure shows in what is read
	return ctx.Err()
}

// lineThere tells whether a line has come. If it waits and none begins in time, that is no error; neither is a line that
// is not complete then, of which nothing is consumed.
func (c *Conn) lineThere(wait bool) (bool, error) {
	for {
		have := c.in.Buffered()
		buffered, _ := c.in.Peek(have)
		switch {
		case bytes.IndexByte(buffered, '\n') >= 0, have == c.in.Size():
			return true, nil
		case !wait:
			return false, nil
		}
		_, err := c.in.Peek(have + 1)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("await notification: %w", noEOF(err))
		}
	}
}

// unasked is the error for a line that is no notification.
func unasked(line string) error {
	var refusal *Error
	if _, err := ParseReply(line); errors.As(err, &refusal) {
		return refusal
	}
	return ErrUnexpected
}
