package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"atserver/store"
)

// Whatever is in a file, reading it ends, and what is taken for a copy reads the
// same when it is written again.
func FuzzEntries(f *testing.F) {
	var seed bytes.Buffer
	w := &entryWriter{out: &seed}
	must(f, w.file(File{RootSecret, 0o600, []byte("secret")}))
	must(f, w.change(store.RawRow{Key: []byte("key"), Value: []byte("value"), Flags: 1}))
	must(f, w.change(store.RawRow{Key: []byte("gone"), Removed: true}))
	must(f, w.write(entryEnd))
	f.Add(seed.Bytes())
	f.Add([]byte("f\x00\x00\x00e"))
	f.Add([]byte("r\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := entryReader{bufio.NewReader(bytes.NewReader(raw))}
		var again bytes.Buffer
		w := &entryWriter{out: &again}
		for {
			file, c, err := r.next()
			switch {
			case errors.Is(err, io.EOF):
				must(t, w.write(entryEnd))
				back := entryReader{bufio.NewReader(&again)}
				for err = nil; err == nil; {
					_, _, err = back.next()
				}
				if !errors.Is(err, io.EOF) {
					t.Fatalf("written again: %v", err)
				}
				return
			case err != nil:
				return
			case file != nil:
				must(t, w.file(*file))
			default:
				must(t, w.change(c))
			}
		}
	})
}

func FuzzCopy(f *testing.F) {
	var seed bytes.Buffer
	parts, err := newPartWriter(&seed, []byte(`{"format":"atserver-backup","version":1,"atsign":"@alice"}`+"\n"))
	must(f, err)
	must(f, (&entryWriter{out: parts}).write(entryEnd))
	must(f, parts.Close())
	f.Add(seed.Bytes())
	f.Add(seed.Bytes()[:seed.Len()-40])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		must(t, os.WriteFile(path, raw, 0o600))
		_, good := Check(t.Context(), path, nil)
		if _, err := Verify(t.Context(), []string{path}, nil, nil); good != nil && err == nil {
			t.Fatalf("verified, although %v", good)
		}
	})
}
