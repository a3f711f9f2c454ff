package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atserver/verbs"
)

// TestEveryVerbHasATranscript looks for update.wire, enroll_request.wire, exit.wire … and for the verb in it.
func TestEveryVerbHasATranscript(t *testing.T) {
	for _, name := range verbs.Standard().Names() {
		file := strings.NewReplacer(":", "_", "@", "").Replace(name) + ".wire"
		s, err := readScript(filepath.Join("..", "testdata", "wire", file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.ContainsFunc(s, func(step step) bool { return step.verb == ">" && strings.HasPrefix(step.arg, name) }) {
			t.Errorf("%s does not say %s", file, name)
		}
	}
}

// TestReadmeKnowsEveryVerb keeps the table of the README complete, and free of verbs that there are not.
func TestReadmeKnowsEveryVerb(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(raw), "## Verbs")
	table, _, _ = strings.Cut(table, "### ")
	var rows []string
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			rows = append(rows, name)
		}
	}
	slices.Sort(rows)
	if names := verbs.Standard().Names(); !slices.Equal(rows, names) {
		t.Errorf("the README has rows for\n%q, the server speaks\n%q", rows, names)
	}
}

// admitsStrangers is the list of verbs for which nobody needs to log in. All others must refuse before they parse.
var admitsStrangers = []string{"from", "cram", "pkam", "pol", "lookup", "scan", "info", "noop", "to", "@exit", "enroll:request"}

func TestStrangersAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("@anon\n")
	for _, name := range verbs.Standard().Names() {
		if !slices.Contains(admitsStrangers, name) {
			for _, rest := range []string{":", ":public:phone.wavi@alice", ":{}", ":\t"} {
				fmt.Fprintf(&b, "> %s%s\n< error:AT0401-Exception: Command cannot be executed without auth⏎@\n", name, rest)
			}
		}
	}
	s, err := parseScript(b.String())
	if err != nil {
		t.Fatal(err)
	}
	play(t, "strangers", s, startServer(t, new(transcript)))
}
