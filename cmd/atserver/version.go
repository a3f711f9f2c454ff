package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"atserver/server"
)

type versionCmd struct {
	SBOM bool `name:"sbom" help:"Tell what the program was built from instead: a CycloneDX bill of materials, JSON."`
}

// Run prints the version of the program and of the protocol that it speaks.
func (c versionCmd) Run() error {
	if c.SBOM {
		info, ok := debug.ReadBuildInfo()
		if !ok {
			return errors.New("this program was built without the list of its modules")
		}
		return printBill(info)
	}
	fmt.Printf("atserver %s, protocol as of %s, %s\n", version(), server.ProtocolVersion, runtime.Version())
	return nil
}

// release is what whoever builds says it is, by -ldflags "-X main.release=...": images are built without the
// history of the source.
var release string

// version is what the build knows: a release, a tag, else the commit.
func version() string {
	if release != "" {
		return release
	}
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
