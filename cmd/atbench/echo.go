package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"atserver/server"
	"atserver/verbs/wire"
)

// echoReply is the answer to any line.
var echoReply = wire.AppendReply(nil, "ok", wire.Prompt(benchSign))

// echoCmd is the measure: all that a line server over TLS has to do and nothing
// else. It answers every line alike, and lines that arrived together in one write.
type echoCmd struct {
	Dir string `arg:"" help:"Folder for its certificate."`
}

// Run serves it.
func (c *echoCmd) Run(ctx context.Context) error { return serve(ctx, c.Dir, answer) }

// serve listens until ctx ends, or its standard input does, with the process that
// started it.
func serve(ctx context.Context, dir string, answer func(net.Conn)) error {
	config, err := echoConfig(dir)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go accept(listener, answer)
	ctx, cancel := context.WithCancel(ctx)
	go func() { defer cancel(); io.Copy(io.Discard, os.Stdin) }()
	<-ctx.Done()
	return nil
}

func accept(listener net.Listener, answer func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go answer(conn)
	}
}

// answer serves one connection.
func answer(conn net.Conn) {
	defer conn.Close()
	answerLines(conn, bufio.NewReader(conn), func([]byte) bool { return true })
}

// answerLines answers each line that pleases, up to one that does not.
func answerLines(conn net.Conn, in *bufio.Reader, pleases func(line []byte) bool) {
	var out []byte
	for {
		line, err := in.ReadSlice('\n')
		if err != nil || !pleases(line) {
			return
		}
		out = append(out, echoReply...)
		if in.Buffered() > 0 {
			continue
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
		out = out[:0]
	}
}

// echoConfig is TLS as the server has it: the same kind of certificate, the same
// records.
func echoConfig(dir string) (*tls.Config, error) {
	authority, err := issue(dir)
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(authority.CertFile(), authority.KeyFile())
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, DynamicRecordSizingDisabled: true,
	}, err
}

// issue makes an authority and a certificate as the server makes its own.
func issue(dir string) (*server.Authority, error) {
	now := time.Now()
	authority, err := server.OpenAuthority(dir, now)
	if err == nil {
		err = authority.Issue("localhost", now)
	}
	return authority, err
}

// startEcho starts an echo in a process of its own, from our own binary.
func startEcho(ctx context.Context, dir string, _ int) (*rival, error) {
	return startSelf(ctx, dir, "echo")
}

// startSelf runs a hidden command of ours that answers as the echo does.
func startSelf(ctx context.Context, dir, command string) (*rival, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, "tls")
	process, err := start(ctx, dir, lastWord, self, command, folder)
	if err != nil {
		return nil, err
	}
	trust, err := trusting(filepath.Join(folder, "ca.pem"))
	if err != nil {
		process.stop()
		return nil, err
	}
	welcome := func(s *stream) error { s.prompt = wire.Prompt(benchSign); return nil }
	return &rival{target{process: process, trust: trust, welcome: welcome}, works}, nil
}
