package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// startRedis starts a Redis that does what the server does: TLS with the same kind
// of certificate, and each change on the disk before it is answered.
func startRedis(ctx context.Context, dir string, conns int) (*rival, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not installed (Debian: apt-get install redis-server), or not in the PATH")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	authority, err := issue(filepath.Join(dir, "tls"))
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	listens := func(line string) string {
		if strings.Contains(line, "Ready to accept connections") {
			return address
		}
		return ""
	}
	process, err := start(ctx, dir, listens, binary, "--bind", "127.0.0.1", "--port", "0", "--tls-port", port,
		"--tls-cert-file", authority.CertFile(), "--tls-key-file", authority.KeyFile(), "--tls-ca-cert-file", authority.CAFile(),
		"--tls-auth-clients", "no", "--tls-protocols", "TLSv1.3", "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxclients", strconv.Itoa(2*conns+100))
	if err != nil {
		return nil, err
	}
	trust, err := trusting(authority.CAFile())
	if err != nil {
		process.stop()
		return nil, err
	}
	welcome := func(s *stream) error { s.cut = cutRESP; return nil }
	return &rival{target{process: process, trust: trust, welcome: welcome}, redisWorks}, nil
}

// freeAddress is one that nobody listens at now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// redisWorks is what comes nearest to works.
var redisWorks = map[string]work{
	"noop": func(line []byte, _ int) []byte { return appendRESP(line, "PING") },
	"llookup": func(line []byte, record int) []byte {
		return appendRESPKey(append(line, "*2\r\n$3\r\nGET\r\n"...), record)
	},
	"update": func(line []byte, record int) []byte {
		line = appendRESPKey(append(line, "*3\r\n$3\r\nSET\r\n"...), record)
		return appendBulk(line, value)
	},
}

func appendRESP(line []byte, command string) []byte {
	return appendBulk(append(line, "*1\r\n"...), command)
}

func appendRESPKey(line []byte, record int) []byte {
	var key [64]byte
	return appendBulk(line, appendKey(key[:0], record))
}

// appendBulk appends a string as Redis takes them.
func appendBulk[S ~string | ~[]byte](line []byte, s S) []byte {
	line = strconv.AppendInt(append(line, '$'), int64(len(s)), 10)
	line = append(append(line, "\r\n"...), s...)
	return append(line, "\r\n"...)
}

// cutRESP is the cutter of the Redis serialization protocol. A record that is not
// there is an error, as it is for the server.
func cutRESP(b []byte, _ string) (payload, after []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok {
		return nil, b, nil
	}
	if len(line) > 0 && line[0] == '+' {
		return line[1:], rest, nil
	}
	n, err := strconv.Atoi(string(bytes.TrimPrefix(line, []byte("$"))))
	if err != nil || line[0] != '$' || n < 0 {
		return nil, nil, fmt.Errorf("reply %.200q", b)
	}
	if len(rest) < n+2 {
		return nil, b, nil
	}
	if string(rest[n:n+2]) != "\r\n" {
		return nil, nil, fmt.Errorf("reply %.200q", b)
	}
	return rest[:n], rest[n+2:], nil
}
