package directory

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

const (
	// maxRequest is the length in bytes of the longest request, its LF not counted.
	maxRequest = 255
	// missDelay is how long the answer to a second unknown name takes, and the end that a third one brings.
	missDelay = 3 * time.Second
	maxMisses = 2

	exit = "@exit" // the request to close the connection
)

var (
	errTooLong = errors.New("request is too long")
	errGuesses = errors.New("too many unknown names")
)

// serve answers the requests of one connection until its client goes, is silent for too long, sends too much or guesses
// names. A nil error is a client that went in order. Bytes do not break a silence, only a whole request does.
func (d *Directory) serve(ctx context.Context, raw net.Conn) error {
	silence := time.AfterFunc(d.idle, func() { raw.Close() })
	defer silence.Stop()
	conn := tls.Server(raw, d.tls)
	defer conn.Close()
	if _, err := io.WriteString(conn, wire.Prompt("")); err != nil { // shakes hands first
		return err
	}
	var f wire.Framer
	defer f.Close()
	misses := 0
	tail := ""
	buf := make([]byte, maxRequest+1)
	for {
		n, failed := conn.Read(buf)
		end := bytes.IndexByte(buf[:n], '\n')
		if end < 0 {
			end = n
		}
		if f.Pending()+end > maxRequest { // later lines of the same read cannot be as long as that
			return errTooLong
		}
		f.Feed(buf[:n], n == len(buf))
		for {
			line, ok, err := f.Next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if isExit(line.Text) {
				return nil
			}
			silence.Reset(d.idle)
			address := d.find(line)
			if address == "" && line != (wire.Line{}) { // at_c sends a blank line first, which is no guess
				misses++
				if err := d.slowDown(ctx, misses); err != nil {
					return err
				}
			}
			if _, err := io.WriteString(conn, render(address)); err != nil {
				return err
			}
		}
		tail = last(tail+string(buf[:n]), len(exit))
		switch {
		case f.Pending() == len(exit) && isExit(tail): // some clients leave without LF
			return nil
		case failed == io.EOF:
			return nil
		case failed != nil:
			return failed
		}
	}
}

// slowDown makes guessing names slow. It holds nothing but the connection that guesses.
func (d *Directory) slowDown(ctx context.Context, misses int) error {
	if misses < maxMisses {
		return nil
	}
	wait := time.NewTimer(missDelay)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if misses > maxMisses {
		return errGuesses
	}
	return nil
}

// find is the address that a request asks for, "" when there is none. What is no atSign has no address.
func (d *Directory) find(line wire.Line) string {
	sign, err := atkey.ParseSign(line.Text)
	if err != nil {
		return ""
	}
	return d.entries.lookup(sign)
}

// render is the reply with an address, or without, prompt included.
func render(address string) string {
	if address == "" {
		address = "null"
	}
	return address + "\r\n" + wire.Prompt("")
}

func isExit(text string) bool { return strings.EqualFold(text, exit) }

// last is the end of a text, n bytes of it at most.
func last(text string, n int) string { return text[max(len(text)-n, 0):] }
