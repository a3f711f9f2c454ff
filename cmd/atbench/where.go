package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// where is what is measured and on what: the flags that all commands have.
type where struct {
	Server string `placeholder:"PATH" help:"Binary of atserver (built from the source)."`
	Dir    string `placeholder:"DIR" help:"Where the temporary folder goes (${default}). A durable update costs what this disk costs." default:"${tempdir}"`
	JSON   bool   `help:"Print JSON."`
}

// host is what a report says first.
type host struct {
	Server     string  `json:"server"` // its version
	Machine    string  `json:"machine"`
	FileSystem string  `json:"fileSystem"` // that the data is on
	Load       float64 `json:"load"`       // average of the last minute before it began: others at work make figures noisy
}

// measure has a report made with a server's binary in a folder, which is gone
// afterwards, and prints it.
func (w where) measure(ctx context.Context, f func(dir, binary string, h host) (printed, error)) (err error) {
	dir, err := os.MkdirTemp(w.Dir, "atbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	h := host{Machine: fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}
	if h.FileSystem, err = fileSystem(dir); err != nil {
		return err
	}
	if h.Load, err = loadAverage(); err != nil {
		return err
	}
	binary, err := w.binary(ctx, dir)
	if err == nil {
		h.Server, err = versionOf(ctx, binary)
	}
	if err != nil {
		return err
	}
	r, err := f(dir, binary, h)
	if err != nil {
		return err
	}
	if w.JSON {
		return writeJSON(os.Stdout, r)
	}
	return r.writeTable(os.Stdout)
}

// printed is a report.
type printed interface{ writeTable(io.Writer) error }

// binary is the server to measure: the one given, or a fresh build.
func (w where) binary(ctx context.Context, dir string) (string, error) {
	if w.Server != "" {
		return filepath.Abs(w.Server)
	}
	say("building")
	return build(ctx, dir)
}

// writeHead prints the first lines, and a warning where it is due.
func (h host) writeHead(w io.Writer) {
	fmt.Fprintf(w, "%s\n%s, data on %s", h.Server, h.Machine, cmp.Or(h.FileSystem, "an unknown file system"))
	if h.FileSystem == "tmpfs" || h.FileSystem == "ramfs" {
		io.WriteString(w, ", where NOTHING IS DURABLE: give --dir to measure update")
	}
	if h.Load >= 1 {
		fmt.Fprintf(w, "; the machine had other work (load %.1f)", h.Load)
	}
	io.WriteString(w, "\n")
}
