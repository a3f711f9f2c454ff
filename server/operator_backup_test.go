package server

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atserver/server/backup"
)

// heldUp is how many bytes of records a copy needs to fill every buffer to somebody
// who does not read it.
const heldUp = 8 << 20

func TestOperatorBackup(t *testing.T) {
	_, d, owner, _ := operated(t)
	copied := func(query url.Values) backup.Checked {
		t.Helper()
		path := filepath.Join(t.TempDir(), "copy")
		d.said.Reset()
		d.ask("POST", "/backup?"+query.Encode(), 200, nil)
		if err := os.WriteFile(path, d.said.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		made, err := backup.Check(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	full := copied(nil)
	if full.Sign != "@alice" || full.Parent != "" || full.Encrypted {
		t.Errorf("%+v", full)
	}
	since := url.Values{"parent": {full.Checksum}, "mark": {full.Mark}}
	owner.put("k", 10)
	next := copied(since)
	if next.Parent != full.Checksum || next.Mark == full.Mark {
		t.Errorf("%+v", next)
	}
	since = url.Values{"parent": {next.Checksum}, "mark": {next.Mark}}
	d.ask("POST", "/backup?"+since.Encode(), http.StatusNoContent, nil)
	since.Set("mark", strings.Replace(next.Mark, "-", "0-", 1))
	d.refused("POST", "/backup?"+since.Encode(), http.StatusGone)
	since.Set("mark", "nonsense")
	d.refused("POST", "/backup?"+since.Encode(), http.StatusBadRequest)
	d.refused("POST", "/backup?recipient=age1nonsense", http.StatusBadRequest)
}

// An operator who does not read the copy keeps nobody from writing, nor the server
// from its end.
func TestOperatorBackupHeldUp(t *testing.T) {
	b, _, owner, _ := operated(t)
	for i := range heldUp >> 20 {
		owner.put(fmt.Sprint("large", i), 1<<20)
	}
	c, err := net.Dial("unix", filepath.Join(b.options.Dir, OperatorSocket))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("POST /backup HTTP/1.1\r\nHost: operator\r\nContent-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 100)); err != nil { // it has begun
		t.Fatal(err)
	}
	owner.put("meanwhile", 10)
	if err := b.end(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(b.log.String(), "Backup broke off") {
		t.Error("it was not held up: this proves nothing")
	}
}
