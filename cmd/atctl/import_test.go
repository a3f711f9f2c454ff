package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tallyOf imports and returns what became of the records.
func (p *place) tallyOf(t *testing.T, text string, code int, flags ...string) (got tally, errs string) {
	t.Helper()
	out, errs, exit := p.ctl(t, text, append([]string{"import", "--json"}, flags...)...)
	if exit != code {
		t.Fatalf("import: exit code %d, want %d: %s", exit, code, errs)
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return got, errs
}

func TestImport(t *testing.T) {
	from := onboarded(t)
	want := from.rich(t)
	export := from.ok(t, "", "export")
	_, before := exported(t, export)

	to := onboarded(t)
	to.pass(time.Hour)
	got, errs := to.tallyOf(t, export, 0)
	if got != (tally{Written: len(want) - 1, Same: 1}) { // the public key is there
		t.Errorf("%+v, %s", got, errs)
	}
	_, after := exported(t, to.ok(t, "", "export"))
	if keys := slices.Sorted(maps.Keys(after)); !slices.Equal(keys, want) {
		t.Errorf("imported\n%q\nwant\n%q", keys, want)
	}
	for key, line := range after {
		if a, b := before[key].fingerprint(), line.fingerprint(); !a.same(b) || !a.sameContent(b) {
			t.Errorf("%s is another one:\n%+v\n%+v", key, before[key], line)
		}
		if !line.Metadata.CreatedAt.Equal(before[key].Metadata.CreatedAt.Time) {
			t.Errorf("%s was created at %v, want %v", key, line.Metadata.CreatedAt, before[key].Metadata.CreatedAt)
		}
	}
	if got := to.ok(t, "", "get", "lines.test", "--public"); got != "one\ntwo\n" {
		t.Errorf("read %q", got)
	}
	// Once more: nothing is written.
	if got, _ := to.tallyOf(t, export, 0); got != (tally{Same: len(want)}) {
		t.Errorf("again: %+v", got)
	}
}

// exportOf renders an export of records.
func exportOf(lines ...string) string {
	return `{"format":"atserver-export","version":1,"atsign":"@alice"}` + "\n" + strings.Join(lines, "\n") + "\n"
}

func lineOf(key, value string) string {
	text, _ := json.Marshal(record{Key: key, Value: &value, Metadata: metadata{UpdatedAt: stamp{time.UnixMilli(1700000000123)}}})
	return string(text)
}

func TestImportOverOthers(t *testing.T) {
	p := onboarded(t)
	p.tell(t, "update:ttl:3600000:isEncrypted:true:encoding:base64:ivNonce:abc:pubKeyHash:h:hashingAlgo:x:appMetadata:eyJhIjoxfQ==:a.test@alice old")
	p.tell(t, "update:encAlgo:AES:appMetadata:eyJhIjoxfQ==:b.test@alice old", "update:immutable:true:c.test@alice old")
	export := exportOf(lineOf("a.test@alice", "new"), lineOf("b.test@alice", " new\n"), lineOf("c.test@alice", "new"), lineOf("public:publickey@alice", "MIIB"))
	got, errs := p.tallyOf(t, export, 0)
	if got != (tally{Kept: 4}) || !strings.Contains(errs, "a.test@alice is left alone") {
		t.Errorf("%+v, %s", got, errs)
	}
	got, errs = p.tallyOf(t, export, exitFailed, "--overwrite")
	if got != (tally{Written: 2, Kept: 1, Failed: 1}) || !strings.Contains(errs, "c.test@alice: AT0032: Illegal state : Immutable records") || !strings.Contains(errs, "public:publickey@alice is left alone") {
		t.Errorf("overwriting: %+v, %s", got, errs)
	}
	_, lines := exported(t, p.ok(t, "", "export"))
	for key, value := range map[string]string{"a.test@alice": "new", "b.test@alice": " new\n"} {
		line := lines[key]
		clean := record{Value: &value, Metadata: metadata{UpdatedAt: line.Metadata.UpdatedAt, CreatedAt: line.Metadata.CreatedAt}}
		if !line.fingerprint().same(clean.fingerprint()) {
			t.Errorf("something of the old record is left: %+v", line)
		}
	}
	if got, _ := p.tallyOf(t, export, 0); got != (tally{Same: 2, Kept: 2}) {
		t.Errorf("again: %+v", got)
	}
}

// A bad line loses nothing but itself.
func TestImportOfBadLines(t *testing.T) {
	p := onboarded(t)
	export := exportOf(
		lineOf("a.test@alice", "1"),
		`{"key":"b.test@alice"`,
		`{"key":"c.test@alice","value":1}`,
		`{"key":"d.test@alice","value":"1","metadata":{"ttl":"soon"}}`,
		lineOf("d.test@bob", "1"),
		lineOf("public:signing_publickey@alice", "1"),
		lineOf("x.__manage@alice", "1"),
		lineOf("private:blocklist@alice", "1"),
		`{}`, ``,
		`{"key":"old.test@alice","value":"1","metadata":{"expiresAt":"2020-01-01 00:00:00.000Z"}}`,
		`{"key":"odd.test@alice","value":"1","metadata":{"encAlgo":"a b"}}`,
		lineOf("z.test@alice", "1"),
	)
	got, errs := p.tallyOf(t, strings.TrimSuffix(export, "\n"), exitFailed)
	if got != (tally{Written: 2, Expired: 1, Failed: 9}) {
		t.Errorf("%+v", got)
	}
	for _, n := range []int{3, 4, 5, 6, 7, 8, 9, 10} {
		if !strings.Contains(errs, fmt.Sprintf("line %d: ", n)) {
			t.Errorf("nothing is said of line %d: %s", n, errs)
		}
	}
	if !strings.Contains(errs, "odd.test@alice: AT0003") {
		t.Errorf("nothing is said of what the server refused: %s", errs)
	}
	if keys := p.ok(t, "", "scan", "--json", "test"); !strings.Contains(keys, "a.test@alice") || !strings.Contains(keys, "z.test@alice") || strings.Count(keys, "@") != 2 {
		t.Errorf("stored: %s", keys)
	}
	for name, c := range map[string]struct {
		text string
		code int
	}{
		"nothing":     {"", exitFailed},
		"no header":   {lineOf("a.test@alice", "1"), exitFailed},
		"another one": {`{"format":"atserver-export","version":2,"atsign":"@alice"}`, exitFailed},
		"of another":  {`{"format":"atserver-export","version":1,"atsign":"@bob"}`, exitUsage},
	} {
		if _, errs, code := p.ctl(t, c.text, "import"); code != c.code || !strings.Contains(errs, "line 1: ") {
			t.Errorf("%s: exit code %d, %s", name, code, errs)
		}
	}
	if _, errs, code := p.ctl(t, "", "import", filepath.Join(p.home, "none")); code != exitFailed {
		t.Errorf("no file: exit code %d, %s", code, errs)
	}
}

// Many records, and long ones, take several batches; what broke off goes on.
func TestImportOfMany(t *testing.T) {
	p := onboarded(t)
	var lines []string
	for i := range 1500 {
		lines = append(lines, lineOf(fmt.Sprintf("k%d.test@alice", i), "v"))
	}
	long := strings.Repeat(`"`, 9_900_000) // as JSON twice as long
	lines = append(lines, lineOf("long.test@alice", long))
	tooLong := lineOf("toolong.test@alice", strings.Repeat("0", 10_240_000))
	if got, _ := p.tallyOf(t, exportOf(lines[:700]...), 0); got != (tally{Written: 700}) {
		t.Errorf("begun: %+v", got)
	}
	file := filepath.Join(t.TempDir(), "export")
	if err := os.WriteFile(file, []byte(exportOf(append(lines, tooLong)...)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, errs := p.tallyOf(t, "", exitFailed, file)
	if got != (tally{Written: 801, Same: 700, Failed: 1}) || !strings.Contains(errs, "toolong.test@alice: command exceeds the limit") {
		t.Errorf("went on: %+v, %s", got, errs)
	}
	_, after := exported(t, p.ok(t, "", "export"))
	if len(after) != 1502 || *after["long.test@alice"].Value != long {
		t.Errorf("%d records", len(after))
	}
}

// A server that does not understand batches, or an element, is asked one by one.
func TestImportToOldServer(t *testing.T) {
	p := onboarded(t)
	export := exportOf(lineOf("a.test@alice", "1"), lineOf("b.test@alice", "2"), lineOf("c.test@alice", "3"))
	s := openOldServer(t, p)
	s.answers = map[string]string{"batch:": "error:AT0010-Internal server error : type 'Null'", "update:uAt:": "data:7"}
	out, errs, code := p.ctl(t, export, "import", "--server", s.address)
	if code != 0 || out != "" || !strings.Contains(errs, "3 written") {
		t.Errorf("one by one: exit code %d, %q, %q", code, out, errs)
	}
	s.answers = map[string]string{
		"batch:": `data:[{"id":0,"response":{"data":"5"}},{"id":2,"response":{"data":"null"}}]`,
		"update:uAt:2023-11-14T22:13:20.123Z:c.test": "data:null",
	}
	_, errs, code = p.ctl(t, export, "import", "--server", s.address)
	if code != exitFailed || !strings.Contains(errs, "1 written") || !strings.Contains(errs, "b.test@alice: AT0003") || !strings.Contains(errs, "c.test@alice: the server did not store it") {
		t.Errorf("no answer: exit code %d, %q", code, errs)
	}
}
