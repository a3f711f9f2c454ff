package main

import (
	"os"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// printBill prints what this program was built from as CycloneDX, in JSON (the schema of version 1.6, which scanners
// read). The compiler put the list of modules and their checksums into the program, so it is what runs, not what a
// lock file says. It holds neither a time nor a serial number: a program built again has the same bill.
func printBill(info *debug.BuildInfo) error {
	program := cdx.Component{
		BOMRef: "program", Type: cdx.ComponentTypeApplication, Name: "atserver", Version: version(),
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
	}
	parts := []cdx.Component{library("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		parts = append(parts, library(m.Path, m.Version, m.Sum))
	}
	uses := make([]string, len(parts))
	for i, part := range parts {
		uses[i] = part.BOMRef
	}
	bill := cdx.NewBOM()
	bill.Metadata = &cdx.Metadata{Component: &program}
	bill.Components = &parts
	bill.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &uses}}
	return cdx.NewBOMEncoder(os.Stdout, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bill, cdx.SpecVersion1_6)
}

// library is a module as a part. Its package URL is the key by which databases of vulnerabilities know it; sum is Go's
// own checksum of a module, which is no hash of a file and so a property.
func library(path, version, sum string) cdx.Component {
	url := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	part := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url}
	if sum != "" {
		part.Properties = &[]cdx.Property{{Name: "go:sum", Value: sum}}
	}
	return part
}
