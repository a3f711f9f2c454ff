package directory

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// maxRequest is the length in bytes of the longest request, its LF not counted.
const maxRequest = 1024

var errTooLong = errors.New("request is too long")

// serve answers the requests of one connection until its client goes, is silent for too long, or sends too much. A
// nil error is a client that went in order. Bytes do not break a silence, only a whole request does.
func (d *Directory) serve(raw net.Conn) error {
	silence := time.AfterFunc(d.idle, func() { raw.Close() })
	defer silence.Stop()
	conn := tls.Server(raw, d.tls)
	defer conn.Close()
	if _, err := io.WriteString(conn, wire.Prompt("")); err != nil { // shakes hands first
		return err
	}
	var f wire.Framer
	defer f.Close()
	buf := make([]byte, maxRequest)
	for {
		n, failed := conn.Read(buf)
		f.Feed(buf[:n], n == len(buf))
		for {
			line, ok, err := f.Next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if line.Text == exit {
				return nil
			}
			if len(line.Text) > maxRequest {
				return errTooLong
			}
			silence.Reset(d.idle)
			if _, err := io.WriteString(conn, d.answer(line)); err != nil {
				return err
			}
		}
		switch {
		case f.Pending() > maxRequest:
			return errTooLong
		case f.Pending() == len(exit) && string(buf[:n]) == exit: // some clients leave without LF
			return nil
		case failed == io.EOF:
			return nil
		case failed != nil:
			return failed
		}
	}
}

// exit is the request to close the connection.
const exit = "@exit"

// answer is the reply to one request, prompt included. What is no atSign has no address.
func (d *Directory) answer(line wire.Line) string {
	address := ""
	if sign, err := atkey.ParseSign(line.Text); err == nil {
		address = d.entries.lookup(sign)
	}
	if address == "" {
		address = "null"
	}
	return address + "\r\n" + wire.Prompt("")
}
