package main

import (
	"atserver/cmd/console"
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCmd struct{}

// Run prints the version that the build recorded: a tag, or the commit.
func (versionCmd) Run(con *console.Console) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	_, err := fmt.Fprintf(con.Out, "atctl %s, %s\n", version, runtime.Version())
	return err
}
