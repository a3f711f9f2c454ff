package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 15 * time.Second // from being asked to end to being killed
)

// process is a child that says on its standard output when it listens.
type process struct {
	pid     int
	address string // host:port
	log     string // file with what it wrote to standard error, and before it listened
	stop    func() // ends it and waits for that
	kill    func() // the same with SIGKILL, which it does not notice
}

// lastWord is the address in the first line of a server of ours.
func lastWord(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// start runs a binary with its log in dir, until ctx ends or stop is called. It
// returns once listens finds an address in a line of its output.
func start(ctx context.Context, dir string, listens func(line string) string, binary string, args ...string) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p := &process{log: filepath.Join(dir, "log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	cmd.Env = environment()
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		_, err = cmd.StdinPipe() // stays open as long as we live
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	p.pid = cmd.Process.Pid
	p.stop = func() { cancel(); cmd.Wait() }
	p.kill = func() { cmd.Process.Kill(); p.stop() }
	overdue := time.AfterFunc(startTimeout, cancel)
	out := bufio.NewReader(stdout)
	for p.address == "" {
		line, err := out.ReadString('\n')
		if err != nil {
			p.stop()
			return nil, p.explain(fmt.Errorf("%s did not start", filepath.Base(binary)))
		}
		if p.address = listens(line); p.address == "" {
			io.WriteString(log, line)
		}
	}
	overdue.Stop()
	go io.Copy(io.Discard, out)
	return p, nil
}

// environment leaves out whatever would set a server up differently, but keeps
// the settings of Go's runtime.
func environment() (kept []string) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "GO") || name == "PATH" || name == "HOME" || name == "TMPDIR" {
			kept = append(kept, variable)
		}
	}
	return kept
}

// explain adds the last line that the process logged to an error, unless we are
// asked to end.
func (p *process) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	log, _ := os.ReadFile(p.log)
	log = bytes.TrimSpace(log)
	if last := log[bytes.LastIndexByte(log, '\n')+1:]; len(last) > 0 {
		return fmt.Errorf("%w; its log ends with: %s", err, last)
	}
	return err
}

// build makes atserver from the source of this module, as the image has it.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "atserver")
	_, err := output(ctx, "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "atserver/cmd/atserver")
	if err != nil {
		return "", fmt.Errorf("build atserver: %w; run this in the source, or give --server", err)
	}
	return binary, nil
}

// versionOf asks a server for its version.
func versionOf(ctx context.Context, binary string) (string, error) {
	out, err := output(ctx, binary, "version")
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", binary, err)
	}
	return strings.TrimSpace(out), nil
}

// output runs a command to its end.
func output(ctx context.Context, name string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if text := strings.TrimSpace(stderr.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return string(out), err
}
