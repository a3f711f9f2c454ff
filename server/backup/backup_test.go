package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"atserver/store"
	"atserver/store/atkey"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// served is a data folder with a store that is open, and a shelf for copies of it.
type served struct {
	Source
	t     *testing.T
	shelf Shelf
}

func serve(t *testing.T, sign atkey.Sign) *served {
	t.Helper()
	s := &served{t: t, shelf: Shelf(filepath.Join(t.TempDir(), "shelf"))}
	s.Source = Source{Sign: sign, Dir: t.TempDir(), From: "test"}
	db, err := store.Open(store.Options{Dir: filepath.Join(s.Dir, Store), RootSecret: filepath.Join(s.Dir, RootSecret), Sign: sign})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	s.DB = db
	must(t, os.Mkdir(filepath.Join(s.Dir, TLS), 0o755))
	must(t, os.WriteFile(filepath.Join(s.Dir, TLS, "ca.pem"), []byte("authority"), 0o644))
	must(t, os.WriteFile(filepath.Join(s.Dir, CRAMSecret), []byte("secret"), 0o600))
	return s
}

func (s *served) put(name, value string) {
	s.t.Helper()
	must(s.t, s.DB.Update(func(tx *store.Tx) error {
		_, err := tx.Put(store.Record{Key: atkey.Key{Name: name, Owner: s.Sign}, Value: []byte(value)}, store.OpUpdateAll, "")
		return err
	}))
}

// copy puts a copy on the shelf: an increment, if it may be one.
func (s *served) copy(recipients ...string) Checked {
	s.t.Helper()
	base, err := s.shelf.Base(s.t.Context(), nil)
	must(s.t, err)
	o := Order{Recipients: recipients}
	if base != nil {
		o.Parent, o.Mark = base.Checksum, base.Mark
	}
	made, err := s.shelf.Add(s.t.Context(), base == nil, func(w io.Writer) error {
		c, err := s.Begin(o, time.Unix(1e9, 0))
		if err != nil {
			return err
		}
		return c.Write(w)
	})
	must(s.t, err)
	return made
}

// chain is three copies: everything, and two increments.
func (s *served) chain(recipients ...string) []string {
	s.t.Helper()
	s.put("a", "1")
	s.put("b", strings.Repeat("large", 50_000))
	s.copy(recipients...)
	s.put("a", "2")
	s.copy(recipients...)
	must(s.t, os.Remove(filepath.Join(s.Dir, CRAMSecret)))
	s.put("c", "3")
	s.copy(recipients...)
	chains, err := s.shelf.Chains()
	must(s.t, err)
	return chains[len(chains)-1]
}

// wantRestored restores into a new folder and wants the values of a and c, "" for
// none.
func wantRestored(t *testing.T, chain []string, identities []age.Identity, a, c string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new")
	_, err := Restore(t.Context(), chain, identities, dir, zerolog.Nop(), nil)
	must(t, err)
	must(t, CheckFinished(dir))
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, Store), RootSecret: filepath.Join(dir, RootSecret), Sign: "@alice"})
	must(t, err)
	defer db.Close()
	must(t, db.View(func(tx *store.Tx) error {
		for name, want := range map[string]string{"a": a, "b": strings.Repeat("large", 50_000), "c": c} {
			r, err := tx.Get(atkey.Key{Name: name, Owner: "@alice"})
			if got := string(r.Value); got != want || want == "" && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s has %d bytes, %v; want %d", name, len(got), err, len(want))
			}
		}
		return nil
	}))
	return dir
}

func TestRestore(t *testing.T) {
	s := serve(t, "@alice")
	chain := s.chain()
	first := wantRestored(t, chain[:1], nil, "1", "")
	if raw, err := os.ReadFile(filepath.Join(first, CRAMSecret)); string(raw) != "secret" {
		t.Errorf("the CRAM secret: %q, %v", raw, err)
	}
	last := wantRestored(t, chain, nil, "2", "3")
	if _, err := os.Stat(filepath.Join(last, CRAMSecret)); !os.IsNotExist(err) {
		t.Errorf("a CRAM secret that had been used up: %v", err)
	}
	for name, mode := range map[string]os.FileMode{TLS + "/ca.pem": 0o644, RootSecret: 0o600} {
		if info, err := os.Stat(filepath.Join(last, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// A server whose audit trail does not hold can be restored, too, and it is said.
func TestRestoreOfBrokenAudit(t *testing.T) {
	s := serve(t, "@alice")
	r, err := openCopy(t.Context(), s.chain()[0], nil)
	must(t, err)
	defer r.close()
	must(t, r.open(nil))
	path := filepath.Join(t.TempDir(), "edited")
	f, err := os.Create(path)
	must(t, err)
	header, err := json.Marshal(r.Header)
	must(t, err)
	parts, err := newPartWriter(f, append(header, '\n'))
	must(t, err)
	w := &entryWriter{out: parts}
	for _, file := range r.files {
		must(t, w.file(file))
	}
	edited := 0
	_, err = r.changes(func(c store.RawRow) bool {
		if bytes.Contains(c.Value, []byte(`"action":"backup"`)) {
			c.Value = bytes.Replace(c.Value, []byte("backup"), []byte("nought"), 1)
			edited++
		}
		return w.change(c) == nil
	})
	must(t, errors.Join(err, w.write(entryEnd), parts.Close(), f.Close()))
	var said bytes.Buffer
	_, err = Restore(t.Context(), []string{path}, nil, t.TempDir(), zerolog.New(&said), nil)
	must(t, err)
	if edited != 1 || !strings.Contains(said.String(), "audit entry 0: changed") {
		t.Errorf("%d entries edited, said %q", edited, said.String())
	}
}

func TestEncrypted(t *testing.T) {
	mine, err := age.GenerateX25519Identity()
	must(t, err)
	other, err := age.GenerateX25519Identity()
	must(t, err)
	s := serve(t, "@alice")
	chain := s.chain(mine.Recipient().String(), other.Recipient().String())
	for _, identity := range []age.Identity{mine, other} {
		wantRestored(t, chain, []age.Identity{identity}, "2", "3")
	}
	secret, err := os.ReadFile(filepath.Join(s.Dir, RootSecret))
	must(t, err)
	for _, path := range chain {
		raw, err := os.ReadFile(path)
		must(t, err)
		for _, clear := range [][]byte{secret, []byte("authority"), []byte("largelarge")} {
			if bytes.Contains(raw, clear) {
				t.Errorf("%s: %.9q can be read in it", path, clear)
			}
		}
	}
	// Without the key they can be checked for damage, and not be restored.
	good, err := Verify(t.Context(), chain, nil, nil)
	must(t, err)
	if len(good) != 3 || good[0].Changes != -1 {
		t.Errorf("%+v", good)
	}
	stranger, err := age.GenerateX25519Identity()
	must(t, err)
	wantRefused(t, chain, nil, "is encrypted")
	wantRefused(t, chain, []age.Identity{stranger}, "is encrypted for others")
	if _, err := s.Begin(Order{Recipients: []string{"age1nonsense"}}, time.Now()); !isOrderError(err) {
		t.Errorf("a recipient that is none: %v", err)
	}
}

func isOrderError(err error) bool {
	var wrong *OrderError
	return errors.As(err, &wrong)
}

// wantRefused wants copies not to be restored, and the folder to be as it was.
func wantRefused(t *testing.T, chain []string, identities []age.Identity, why string) {
	t.Helper()
	empty, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	for _, dir := range []string{empty, missing} {
		_, err := Restore(t.Context(), chain, identities, dir, zerolog.Nop(), nil)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, why)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("the folder was left behind: %v", err)
	}
}

// What is out of order, of another chain or of another atSign is not restored.
func TestForeign(t *testing.T) {
	alice, again, bob := serve(t, "@alice"), serve(t, "@alice"), serve(t, "@bob")
	chain, foreign, bobs := alice.chain(), again.chain(), bob.chain()
	for _, c := range []struct {
		chain []string
		why   string
	}{
		{nil, "no copy was given"},
		{chain[1:], filepath.Base(chain[1]) + " is an increment"},
		{[]string{chain[0], chain[2]}, filepath.Base(chain[2]) + " does not follow"},
		{[]string{chain[0], chain[2], chain[1]}, "does not follow"},
		{[]string{chain[0], chain[1], chain[1]}, "does not follow"},
		{[]string{chain[0], chain[0]}, "holds everything"},
		{[]string{chain[0], foreign[1]}, foreign[1] + " does not follow " + chain[0]},
		{[]string{chain[0], bobs[1]}, "is of @bob, not of @alice"},
		{[]string{chain[0], filepath.Join(alice.Dir, RootSecret)}, "is no copy"},
		{[]string{chain[0], filepath.Join(alice.Dir, "none")}, "no such file"},
	} {
		wantRefused(t, c.chain, nil, c.why)
		if _, err := Verify(t.Context(), c.chain, nil, nil); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("verify: error %v, want %q", err, c.why)
		}
	}
	bob.shelf = alice.shelf
	if _, err := bob.shelf.Add(t.Context(), true, func(w io.Writer) error {
		c, err := bob.Begin(Order{}, time.Now())
		must(t, err)
		return c.Write(w)
	}); err == nil || !strings.Contains(err.Error(), "holds copies of @alice, not of @bob") {
		t.Errorf("on another's shelf: %v", err)
	}
}

// Whatever byte is flipped, wherever a copy is cut, it is refused, encrypted or not.
func TestDamage(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	for name, recipients := range map[string][]string{"clear": nil, "encrypted": {identity.Recipient().String()}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "@alice")
			chain := s.chain(recipients...)
			whole, err := os.ReadFile(chain[1])
			must(t, err)
			damaged := func(raw []byte, restore bool, why ...string) {
				t.Helper()
				bad := slices.Clone(chain)
				bad[1] = filepath.Join(t.TempDir(), "damaged")
				must(t, os.WriteFile(bad[1], raw, 0o600))
				_, err := Verify(t.Context(), bad, []age.Identity{identity}, nil)
				if err == nil || !slices.ContainsFunc(why, func(w string) bool { return strings.Contains(err.Error(), w) }) {
					t.Errorf("verify: error %v, want %q", err, why)
				}
				if restore {
					wantRefused(t, bad, []age.Identity{identity}, "damaged")
				}
			}
			for i := 0; i < len(whole); i += 1 + len(whole)/300 {
				flipped := slices.Clone(whole)
				flipped[i] ^= 0x10
				damaged(flipped, i%400 == 0, "is damaged", "is no copy", "does not follow", "has format", "is cut off", "is encrypted", "is of ")
				damaged(whole[:i], i%400 == 0, "is cut off", "is no copy")
			}
			damaged(whole[:len(whole)-1], true, "is cut off")
			damaged(append(slices.Clone(whole), 0), true, "something follows its end")
			last := bytes.Clone(whole)
			last[len(last)-1] ^= 1
			damaged(last, true, "its parts do not belong together")
		})
	}
}

// A copy with right checksums and nonsense in it is refused, too.
func TestNonsense(t *testing.T) {
	header, err := json.Marshal(Header{Format: format, Version: version, Sign: "@alice", Mark: "x"})
	must(t, err)
	secret := string(bytes.Repeat([]byte{1}, 32))
	file := func(name, content string) string {
		var b bytes.Buffer
		must(t, (&entryWriter{out: &b}).file(File{name, 0o600, []byte(content)}))
		return b.String()
	}
	for name, c := range map[string]struct{ entries, why string }{
		"nothing":                 {"", "cannot be understood"},
		"no root secret":          {"e", "no root secret"},
		"a row without a name":    {"r\x01\x00\x00\x00e", "cannot be understood"},
		"an unknown entry":        {"z", "cannot be understood"},
		"no end":                  {file(RootSecret, secret) + "x\x01a", "cannot be understood"},
		"more after the end":      {file(RootSecret, secret) + "ee", "cannot be understood"},
		"a huge field":            {"f\xff\xff\xff\xff\xff\x01", "cannot be understood"},
		"a file after rows":       {file(RootSecret, secret) + "x\x01a" + file(CRAMSecret, "x") + "e", "cannot be understood"},
		"a file outside":          {file("../x", "x") + "e", "cannot be understood"},
		"an absolute file":        {file("/x", "x") + "e", "cannot be understood"},
		"a file in the store":     {file("store/x", "x") + "e", "cannot be understood"},
		"a database of no schema": {file(RootSecret, secret) + "x\x01ar\x01\x00\x01a\x01be", "another kind"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w, err := newPartWriter(&b, append(bytes.Clone(header), '\n'))
			must(t, err)
			_, err = io.WriteString(w, c.entries)
			must(t, errors.Join(err, w.Close()))
			path := filepath.Join(t.TempDir(), "nonsense")
			must(t, os.WriteFile(path, b.Bytes(), 0o600))
			wantRefused(t, []string{path}, nil, c.why)
		})
	}
}

// Nothing is put into a folder that is not empty, and one where a restore was killed
// is neither served nor restored into.
func TestFolderInUse(t *testing.T) {
	s := serve(t, "@alice")
	chain := s.chain()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, Unfinished), 0o700))
	for range 2 {
		_, err := Restore(t.Context(), chain, nil, dir, zerolog.Nop(), nil)
		if err == nil || !strings.Contains(err.Error(), "is not empty ("+Unfinished) {
			t.Errorf("error %v", err)
		}
	}
	if err := CheckFinished(dir); err == nil || !strings.Contains(err.Error(), "did not come to its end") {
		t.Errorf("error %v", err)
	}
	volume := t.TempDir()
	must(t, os.Mkdir(filepath.Join(volume, "lost+found"), 0o700))
	_, err := Restore(t.Context(), chain, nil, volume, zerolog.Nop(), nil)
	must(t, err)
	ended, end := context.WithCancel(t.Context())
	end()
	empty := t.TempDir()
	if _, err := Restore(ended, chain, nil, empty, zerolog.Nop(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if left, _ := os.ReadDir(empty); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// An increment is made only of what the store can tell, and only when there is
// something to tell.
func TestBegin(t *testing.T) {
	s, other := serve(t, "@alice"), serve(t, "@alice")
	s.put("a", "1")
	s.copy()
	s.copy() // the audit entry of the first one
	base, err := s.shelf.Base(t.Context(), nil)
	must(t, err)
	if _, err := s.Begin(Order{Parent: base.Checksum, Mark: base.Mark}, time.Now()); !errors.Is(err, ErrUnchanged) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := other.Begin(Order{Parent: base.Checksum, Mark: base.Mark}, time.Now()); !errors.Is(err, store.ErrUnmarked) {
		t.Errorf("of another store: %v", err)
	}
	if _, err := s.Begin(Order{Parent: base.Checksum, Mark: "nonsense"}, time.Now()); !isOrderError(err) {
		t.Errorf("of no mark: %v", err)
	}
	if n, err := s.DB.VerifyAudit(); n != 1 || err != nil {
		t.Errorf("%d audit entries, %v; want one, of the copy of everything", n, err)
	}
}

func TestShelf(t *testing.T) {
	s := serve(t, "@alice")
	if base, err := s.shelf.Base(t.Context(), nil); base != nil || err != nil {
		t.Errorf("of a shelf that is not there: %v, %v", base, err)
	}
	chain := s.chain()
	must(t, os.WriteFile(filepath.Join(string(s.shelf), "notes.txt"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(string(s.shelf), ".000000009-full.atbackup-1"), nil, 0o600))
	for i := range 3 { // of which the next one begins a chain, because the one before has ended
		s.put("large", strings.Repeat(fmt.Sprint(i), minChain/2))
		s.copy()
	}
	chains, err := s.shelf.Chains()
	must(t, err)
	if len(chains) != 2 || len(chains[0]) != 5 || len(chains[1]) != 1 || !slices.Equal(chains[0][:3], chain) {
		t.Fatalf("chains %q", chains)
	}
	if n, err := s.shelf.Prune(2); n != 0 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if n, err := s.shelf.Prune(1); n != 5 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	left, err := s.shelf.Chains()
	newest := chains[1]
	if err != nil || len(left) != 1 || !slices.Equal(left[0], newest) || filepath.Base(newest[0]) != "000000006-full.atbackup" {
		t.Errorf("left %q, %v", left, err)
	}
	must(t, os.WriteFile(newest[0], []byte("{}"), 0o600))
	if _, err := s.shelf.Base(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "is no copy") {
		t.Errorf("of a damaged copy: %v", err)
	}
	if _, err := WriteFile(t.Context(), newest[0], nil, nil); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over a file: %v", err)
	}
}

// A copy that breaks off leaves nothing under its name.
func TestWriteFileWhole(t *testing.T) {
	s := serve(t, "@alice")
	dir := t.TempDir()
	good := func(Checked) error { return nil }
	broken := errors.New("broken")
	for _, c := range []struct {
		write func(io.Writer) error
		why   string
	}{
		{func(w io.Writer) error { io.WriteString(w, "half"); return broken }, "broken"},
		{func(w io.Writer) error {
			c, err := s.Begin(Order{}, time.Now())
			must(t, err)
			var b bytes.Buffer
			must(t, c.Write(&b))
			_, err = w.Write(b.Bytes()[:b.Len()-1])
			return err
		}, "is cut off"},
	} {
		if _, err := WriteFile(t.Context(), filepath.Join(dir, "x"), c.write, good); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("error %v, want %q", err, c.why)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
