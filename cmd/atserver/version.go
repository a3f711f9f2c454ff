package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"atserver/server"
)

type versionCmd struct{}

// Run prints the version of the program and of the protocol that it speaks.
func (versionCmd) Run() error {
	fmt.Printf("atserver %s, protocol as of %s, %s\n", version(), server.ProtocolVersion, runtime.Version())
	return nil
}

// version is what the build knows: a tag, else the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}
