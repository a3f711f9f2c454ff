package server_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// mayImport says which of our packages each of them may import. "cmd" stands for all programs.
var mayImport = map[string][]string{
	"store/atkey":      {},
	"verbs/wire":       {},
	"store":            {"store/atkey"},
	"enroll":           {"store", "store/atkey"},
	"enroll/atauth":    {"store/atkey", "verbs/wire"},
	"verbs":            {"enroll", "store", "store/atkey", "verbs/wire"},
	"server/directory": {"store/atkey", "verbs/wire"},
	"server/peer":      {"store/atkey", "verbs/wire"},
	"server/notify":    {"store", "store/atkey"},
	"server/web":       {"verbs", "enroll", "store", "store/atkey"},
	"server/backup":    {"store", "store/atkey"},
	"server": {
		"verbs", "verbs/wire", "enroll", "store", "store/atkey",
		"server/directory", "server/peer", "server/notify", "server/web", "server/backup",
	},
	"cmd": {"server", "server/directory", "server/backup", "store", "store/atkey", "enroll/atauth", "verbs/wire", "cmd/console"},
}

// onlyIn says which of our packages may import others' packages and what lies below these.
var onlyIn = map[string][]string{
	"github.com/dgraph-io/badger": {"store"},
	"crypto/tls":                  network,
	"net":                         network,
	"github.com/rs/zerolog/log":   nil, // the global logger
	"log":                         nil,
}

var network = []string{
	"server", "server/directory", "server/peer", "server/notify", "server/web", "cmd", "enroll/atauth", "verbs/wire",
}

// ours is one of our packages as go list tells of it.
type ours struct {
	ImportPath, Dir, Name, Doc string
	Imports, GoFiles           []string // without tests
}

func (p ours) path() string { return strings.TrimPrefix(p.ImportPath, "atserver/") }

// rule is the name under which a package stands in the tables.
func (p ours) rule() string {
	if strings.HasPrefix(p.path(), "cmd/") {
		return "cmd"
	}
	return p.path()
}

var ourPackages = sync.OnceValues(func() (all []ours, err error) {
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	for d := json.NewDecoder(bytes.NewReader(out)); err == nil && d.More(); {
		var p ours
		err = d.Decode(&p)
		all = append(all, p)
	}
	return all, err
})

func eachPackage(t *testing.T, check func(p ours)) {
	t.Helper()
	all, err := ourPackages()
	if err != nil || len(all) == 0 {
		t.Fatalf("go list found %d packages: %v", len(all), err)
	}
	for _, p := range all {
		check(p)
	}
}

func TestWhoImportsWhom(t *testing.T) {
	eachPackage(t, func(p ours) {
		allowed, known := mayImport[p.rule()]
		if !known {
			t.Errorf("%s has no rule: say in mayImport what it may import", p.path())
		}
		for _, imported := range p.Imports {
			if other, own := strings.CutPrefix(imported, "atserver/"); own && !slices.Contains(allowed, other) {
				t.Errorf("%s must not import %s", p.path(), other)
			}
			for others, where := range onlyIn {
				if (imported == others || strings.HasPrefix(imported, others+"/")) && !slices.Contains(where, p.rule()) {
					t.Errorf("%s must not import %s", p.path(), imported)
				}
			}
		}
	})
}

func TestPackagesSayWhatTheyGuarantee(t *testing.T) {
	eachPackage(t, func(p ours) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.path())
		}
		for element := range strings.SplitSeq(p.path()+"/"+p.Name, "/") {
			if slices.Contains([]string{"internal", "pkg", "util", "utils", "common", "models", "types"}, element) {
				t.Errorf("%s: a package by the name of %s says nothing", p.path(), element)
			}
		}
	})
}

var codePattern = regexp.MustCompile(`AT0[0-9]{3}`)

// TestSource looks at the syntax of everything that is not a test: error codes stand in verbs and verbs/wire only, and
// the time is asked for in cmd only, elsewhere it is an option.
func TestSource(t *testing.T) {
	eachPackage(t, func(p ours) {
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			defaults := map[ast.Node]bool{}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if codePattern.MatchString(n.Value) && p.path() != "verbs" && p.path() != "verbs/wire" {
						t.Errorf("%s: error codes belong to verbs and verbs/wire: %s", files.Position(n.Pos()), n.Value)
					}
				case *ast.AssignStmt:
					if option, ok := n.Lhs[0].(*ast.SelectorExpr); ok && option.Sel.Name == "Now" {
						defaults[n.Rhs[0]] = true
					}
				case *ast.SelectorExpr:
					if asksForTime(n) && !defaults[n] && p.rule() != "cmd" {
						t.Errorf("%s: the time is an option", files.Position(n.Pos()))
					}
				}
				return true
			})
		}
	})
}

func asksForTime(n *ast.SelectorExpr) bool {
	of, ok := n.X.(*ast.Ident)
	return ok && of.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, n.Sel.Name)
}

// upwards matches a path that leads out of a folder.
var upwards = regexp.MustCompile(`(?:\.\./)+`)

// TestFiles looks at all files: none is longer than 600 lines, none knows where it lies on somebody's machine, and the
// folders at the top are those that are meant to be there.
func TestFiles(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, file)
		name = filepath.ToSlash(name)
		folder := path.Dir(name)
		switch {
		case name == ".git":
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir():
			if folder == "." && name != "." && name[0] != '.' &&
				!slices.Contains([]string{"cmd", "server", "store", "enroll", "verbs", "testdata"}, name) {
				t.Errorf("%s: no such folder is meant to be at the top", name)
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		raw, err := os.ReadFile(file)
		if err != nil || !utf8.Valid(raw) {
			return err
		}
		text := string(raw)
		if strings.HasSuffix(name, ".go") && strings.Count(text, "\n") > 600 {
			t.Errorf("%s has more than 600 lines", name)
		}
		if strings.Contains(text, root+"/") {
			t.Errorf("%s mentions %s, where it lies on this machine", name, root)
		}
		if name == ".ci/run" {
			return nil // looks for the conformance suite beside the checkout, and does without
		}
		depth := strings.Count(name, "/")
		if name[0] == '.' {
			depth = 0 // the scripts there work at the top
		}
		for _, up := range upwards.FindAllString(text, -1) {
			if strings.Count(up, "/") > depth {
				t.Errorf("%s leads out of the checkout: %s", name, up)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
