package main

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// A certificate of our own making is made anew before it expires, one that was given is read again when it changes, and
// what does not work leaves the one before.
func TestCertificateOfADirectory(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	own, err := makeCertificate(filepath.Join(dir, "tls"), "network.test", zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	given, err := openCertificate(own.certFile, own.keyFile, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	now, first := time.Now(), own.pair
	later := now.Add(360 * 24 * time.Hour)
	steps := []struct {
		name   string
		change func()
		of     *certificate
		at     time.Time
		fresh  bool
		logged string
	}{
		{"as made", func() {}, own, now, false, ""},
		{"unchanged", func() {}, given, later, false, ""},
		{"near its end", func() {}, own, later, true, ""},
		{"changed a moment ago", func() {}, given, later.Add(recheck - 1), false, ""},
		{"changed", func() {}, given, later.Add(recheck), true, ""},
		{"bad", func() { writeText(t, given.certFile, "nonsense") }, given, later.Add(2 * recheck), true, "not reloaded"},
		{"own and bad", func() {}, own, later.Add(2 * recheck), true, ""},
		{"own and impossible", func() { blockFolder(t, own.certFile) }, own, later.Add(3 * recheck), true, "not renewed"},
	}
	for _, step := range steps {
		step.change()
		log.Reset()
		got := step.of.current(step.at)
		if fresh := !bytes.Equal(got.Leaf.Raw, first.Leaf.Raw); fresh != step.fresh || got.Leaf.VerifyHostname("network.test") != nil {
			t.Errorf("%s: fresh is %v", step.name, fresh)
		}
		if said := log.String(); !strings.Contains(said, step.logged) || step.logged == "" && said != "" {
			t.Errorf("%s: log says %q", step.name, said)
		}
	}
	if shown, err := own.tls().GetCertificate(new(tls.ClientHelloInfo)); err != nil || shown != own.pair {
		t.Errorf("got %v", err)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// blockFolder puts a folder where a file is to be.
func blockFolder(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
}
