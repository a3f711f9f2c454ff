package main_test

import (
	"debug/buildinfo"
	"os/exec"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The bill names every module that the program holds, by name, version and checksum, and nothing else.
func TestBillOfMaterials(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "version", "--sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	var bill cdx.BOM
	if err := cdx.NewBOMDecoder(strings.NewReader(string(out)), cdx.BOMFileFormatJSON).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	if bill.SerialNumber != "" || bill.Metadata.Timestamp != "" {
		t.Error("the bill of the same program differs from run to run")
	}
	listed := map[string]string{}
	for _, part := range *bill.Components {
		listed[part.Name+" "+part.Version] = part.PackageURL
		if part.Name != "std" && (part.Properties == nil || !strings.HasPrefix((*part.Properties)[0].Value, "h1:")) {
			t.Errorf("%s has no checksum", part.Name)
		}
	}
	held, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != len(held.Deps)+1 || len((*(*bill.Dependencies)[0].Dependencies)) != len(listed) {
		t.Errorf("%d parts for %d modules and the standard library", len(listed), len(held.Deps))
	}
	for _, m := range held.Deps {
		url := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
		if listed[m.Path+" "+m.Version] != url {
			t.Errorf("%s %s is listed as %q", m.Path, m.Version, listed[m.Path+" "+m.Version])
		}
	}
	if std := strings.TrimPrefix(held.GoVersion, "go"); listed["std "+std] == "" {
		t.Errorf("the standard library %s is not listed", std)
	}
}
