package main_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// app is a client of one atSign. Its commands are those of testdata/interop/python/client.py.
type app struct {
	client, sign string
	silent       bool // its SDK notifies of what it puts only
	do           func(t *testing.T, command string, args ...string) (words []string, err error)
}

// errNotFound is what do returns for a key that is not there, notFound the exit code of atctl for it.
var errNotFound = errors.New("not found")

const notFound = 3

func (a *app) String() string { return a.client + " " + a.sign }

// does wants a command to succeed, and returns what came of it.
func (a *app) does(t *testing.T, command string, args ...string) []string {
	t.Helper()
	words, err := a.do(t, command, args...)
	if err != nil {
		t.Fatalf("%s: %s %.200q: %v", a, command, args, err)
	}
	return words
}

// wants is does where that is known, its words separated by tabs.
func (a *app) wants(t *testing.T, want, command string, args ...string) {
	t.Helper()
	if got := strings.Join(a.does(t, command, args...), "\t"); got != want {
		t.Fatalf("%s: %s %.200q: got %.200q, want %.200q", a, command, args, got, want)
	}
}

// lacks wants a key not to be there.
func (a *app) lacks(t *testing.T, key string) {
	t.Helper()
	if words, err := a.do(t, "get", key); !errors.Is(err, errNotFound) {
		t.Fatalf("%s: get %s: got %.200q, %v; want none", a, key, words, err)
	}
}

// sdk runs a client of testdata/interop until the test ends.
func sdk(t *testing.T, client, sign string, cmd *exec.Cmd) *app {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	lines := background(t, cmd)
	return &app{client: client, sign: sign, do: func(t *testing.T, command string, args ...string) ([]string, error) {
		t.Helper()
		if _, err := fmt.Fprintln(in, strings.Join(append([]string{command}, args...), "\t")); err != nil {
			return nil, err
		}
		line, err := lines()
		words := strings.Split(line, "\t")
		switch {
		case err != nil:
			return nil, err
		case words[0] == "ok":
			return words[1:], nil
		case len(words) > 1 && words[1] == "AtKeyNotFoundException":
			return nil, errNotFound
		}
		return nil, errors.New(line)
	}}
}

// background starts cmd, which ends with the test, and returns what waits for the next line of its output.
func background(t *testing.T, cmd *exec.Cmd) func() (string, error) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr output
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(cmd.Args, " "), stderr.String())
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return func() (string, error) {
		late := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
		defer late.Stop()
		if !lines.Scan() {
			return "", errors.Join(io.ErrUnexpectedEOF, lines.Err())
		}
		return lines.Text(), nil
	}
}

// atctl is our own client of an atSign, a process a command.
func (n *network) atctl(sign string) *app {
	var notifications func() (string, error)
	a := &app{client: "atctl", sign: sign}
	a.do = func(t *testing.T, command string, args ...string) ([]string, error) {
		t.Helper()
		flags := []string{"--atsign", sign, "--root", n.directory, "--ca", n.ca, "--keys", n.keys(sign)}
		run := func(args ...string) ([]string, error) {
			out, err := exec.CommandContext(bounded(t), n.ctl, append(flags, args...)...).Output()
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				if err = fmt.Errorf("%w: %s", err, failed.Stderr); failed.ExitCode() == notFound {
					err = errNotFound
				}
			}
			return []string{string(out)}, err
		}
		with := "" // whom the key is for
		if len(args) > 0 && strings.HasPrefix(args[0], "@") {
			with, _, _ = strings.Cut(args[0], ":")
		}
		switch {
		case command == "onboard":
			return run("onboard", "--cram-secret-file", args[0])
		case command == "put" && with != "":
			return run("share", args[0], with, args[1])
		case command == "copy":
			return run("share", "--ttr=1h", "--ccd", args[0], with, args[1])
		case command == "notify":
			return run("notify", with, args[0], args[1])
		case command == "scan":
			list, err := run("--json", "scan", args[0])
			var keys []string
			if err == nil {
				err = json.Unmarshal([]byte(list[0]), &keys)
			}
			return keys, err
		case command == "monitor":
			notifications = background(t, exec.Command(n.ctl, append(flags, "--json", "monitor", "--since=0", args[0])...))
			return nil, nil
		case command == "next":
			var event struct{ Operation, From, Key, Plain string }
			for event.Key == "" || strings.Contains(event.Key, ":shared_key@") {
				line, err := notifications()
				if err == nil {
					err = json.Unmarshal([]byte(line), &event)
				}
				if err != nil {
					return nil, err
				}
			}
			return []string{event.Operation, event.From, event.Key, event.Plain}, nil
		}
		return run(append([]string{command}, args...)...)
	}
	return a
}

// run runs a tool to its end; a failure shows what it said.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if said, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
}
