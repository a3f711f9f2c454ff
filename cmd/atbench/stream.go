package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
)

// stream is a connection as the load needs it: whatever a reply says, it must be
// no error and end with the prompt. Asking allocates nothing. One goroutine uses
// it at a time.
type stream struct {
	conn   net.Conn
	prompt string // what replies end with
	cut    cutter // nil: cutReply
	out    []byte // reused for requests
	in     [16 << 10]byte
	have   int    // bytes in in that are no complete reply yet
	long   []byte // reused for replies that in does not hold
}

// cutter cuts the first reply and its prompt off b and returns the reply's
// payload, nil when it is not complete.
type cutter func(b []byte, prompt string) (payload, after []byte, err error)

var errMany = errors.New("more replies than requests")

// greeting awaits what a server says before it is asked.
func (s *stream) greeting() error {
	if _, err := io.ReadFull(s.conn, s.in[:len(s.prompt)]); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if got := string(s.in[:len(s.prompt)]); got != s.prompt {
		return fmt.Errorf("greeting %q", got)
	}
	return nil
}

// ask sends one line and returns the payload of its reply.
func (s *stream) ask(line string) (string, error) {
	if _, err := io.WriteString(s.conn, line); err != nil {
		return "", err
	}
	payload, err := s.await(1)
	return string(payload), err
}

// askLong is ask for a reply of any length. It is valid until the next call.
func (s *stream) askLong(line []byte) (payload []byte, err error) {
	if _, err := s.conn.Write(line); err != nil {
		return nil, err
	}
	s.long = s.long[:0]
	for end := []byte("\n" + s.prompt); !bytes.HasSuffix(s.long, end); {
		read, err := s.conn.Read(s.in[:])
		if err != nil {
			return nil, err
		}
		s.long = append(s.long, s.in[:read]...)
	}
	payload, rest, err := cutReply(s.long, s.prompt)
	if err == nil && len(rest) > 0 {
		err = errMany
	}
	return payload, err
}

// await reads n replies, and returns the payload of the last. It is valid until
// the next call.
func (s *stream) await(n int) (payload []byte, err error) {
	cut := s.cut
	if cut == nil {
		cut = cutReply
	}
	for n > 0 {
		if s.have == len(s.in) {
			return nil, fmt.Errorf("reply without end: %.100q", s.in[:])
		}
		read, err := s.conn.Read(s.in[s.have:])
		if err != nil {
			return nil, err
		}
		s.have += read
		rest := s.in[:s.have]
		for ; len(rest) > 0; n-- {
			reply, after, err := cut(rest, s.prompt)
			if err != nil {
				return nil, err
			}
			if reply == nil {
				break
			}
			payload, rest = reply, after
		}
		if n < 0 || n == 0 && len(rest) > 0 {
			return nil, errMany
		}
		s.have = copy(s.in[:], rest)
	}
	return payload, nil
}

// cutReply is the cutter of the protocol.
func cutReply(b []byte, prompt string) (payload, after []byte, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 || len(b) < end+1+len(prompt) {
		return nil, b, nil
	}
	payload, ok := bytes.CutPrefix(b[:end], []byte("data:"))
	after, whole := bytes.CutPrefix(b[end+1:], []byte(prompt))
	if !ok || !whole {
		return nil, nil, fmt.Errorf("reply %.200q", b)
	}
	return payload, after, nil
}
