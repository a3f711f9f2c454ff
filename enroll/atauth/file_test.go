package atauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const pythonFile = "../../testdata/keys/@python_key.atKeys"

// someKeys are made once: RSA keys take their time.
var someKeys = sync.OnceValues(func() (Keys, error) { return Generate("@alice") })

func keysOf(t testing.TB) Keys {
	t.Helper()
	k, err := someKeys()
	if err != nil {
		t.Fatal(err)
	}
	k.Enrollment = "0b9e4c1e-0000-4000-8000-000000000001"
	return k
}

func sameKeys(a, b Keys) bool {
	return a.Sign == b.Sign && a.Enrollment == b.Enrollment && slices.Equal(a.Self, b.Self) &&
		slices.Equal(a.APKAMSymmetric, b.APKAMSymmetric) && a.PKAM.Equal(b.PKAM) && a.Encryption.Equal(b.Encryption)
}

func TestKeyFileRoundTrip(t *testing.T) {
	for name, c := range map[string]struct {
		edit       func(*Keys)
		passphrase string
	}{
		"with enrollment": {func(k *Keys) {}, ""},
		"legacy key":      {func(k *Keys) { k.Enrollment = "" }, ""},
		"nobody named":    {func(k *Keys) { k.Sign = "" }, ""},
		"symmetric key":   {func(k *Keys) { k.APKAMSymmetric = slices.Repeat([]byte{7}, 32) }, ""},
		"passphrase":      {func(k *Keys) {}, "correct horse"},
		"odd passphrase":  {func(k *Keys) {}, "pässwörd✓ 🛠"},
	} {
		t.Run(name, func(t *testing.T) {
			k := keysOf(t)
			c.edit(&k)
			path := filepath.Join(t.TempDir(), "new", "@alice_key.atKeys")
			if err := WriteKeys(path, k, []byte(c.passphrase)); err != nil {
				t.Fatal(err)
			}
			asked := false
			got, err := ReadKeys(path, func() ([]byte, error) { asked = true; return []byte(c.passphrase), nil })
			if err != nil {
				t.Fatal(err)
			}
			if !sameKeys(got, k) {
				t.Errorf("read back %v, wrote %v", got, k)
			}
			if asked != (c.passphrase != "") {
				t.Errorf("asked for a passphrase: %v", asked)
			}
		})
	}
}

func TestKeyFileIsPrivateAndNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	k := keysOf(t)
	if err := WriteKeys(path, k, nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	other := k
	other.Enrollment = "other"
	if err := WriteKeys(path, other, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second write: %v, want fs.ErrExist", err)
	}
	if got, err := ReadKeys(path, nil); err != nil || got.Enrollment != k.Enrollment {
		t.Errorf("after a refused write: %v, %v", got, err)
	}
	if err := ReplaceKeys(path, other, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadKeys(path, nil); err != nil || got.Enrollment != "other" {
		t.Errorf("after replacing: %v, %v", got, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("files left behind: %v", left)
	}
}

func TestUnknownMembersAreKept(t *testing.T) {
	k := keysOf(t)
	text, err := encodeKeys(k, nil)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	members["version"] = "1"
	members["@other"] = "not the self key"
	members["nested"] = map[string]any{"a": []any{1.0, nil}}
	text, _ = json.Marshal(members)
	got, err := decodeKeys(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sign != "@alice" {
		t.Errorf("sign %q, want @alice", got.Sign)
	}
	got.Enrollment = "changed"
	if text, err = encodeKeys(got, nil); err != nil {
		t.Fatal(err)
	}
	var again map[string]any
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	members["enrollmentId"] = "changed"
	if fmt.Sprint(again) != fmt.Sprint(members) {
		t.Errorf("members %v after rewriting, want %v", slices.Sorted(maps.Keys(again)), slices.Sorted(maps.Keys(members)))
	}
}

func TestPythonKeyFile(t *testing.T) {
	k, err := ReadKeys(pythonFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := pythonValues(t)
	if publicText(&k.PKAM.PublicKey) != v.PKAMPublicKey || publicText(&k.Encryption.PublicKey) != v.EncryptionPublicKey {
		t.Error("public keys differ from those that Python knows")
	}
	if k.Sign != "" || k.Enrollment != "" || k.APKAMSymmetric != nil {
		t.Errorf("unexpected members: %v", k)
	}
	// Our own writing has exactly the members and texts that Python wrote.
	text, err := encodeKeys(k, nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(pythonFile)
	if err != nil {
		t.Fatal(err)
	}
	var a, b map[string]string
	if json.Unmarshal(text, &a) != nil || json.Unmarshal(theirs, &b) != nil || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("written again:\n%s\nPython wrote:\n%s", text, theirs)
	}
}

func TestPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	if err := WriteKeys(path, keysOf(t), []byte("right")); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	var e map[string]string
	if json.Unmarshal(text, &e) != nil || e["hashingAlgoType"] != "argon2id" || e["iv"] == "" || len(e) != 3 {
		t.Errorf("not an envelope: %s", text)
	}
	broken := errors.New("no terminal")
	for name, c := range map[string]struct {
		passphrase func() ([]byte, error)
		want       error
	}{
		"wrong":         {func() ([]byte, error) { return []byte("wrong"), nil }, ErrPassphrase},
		"cannot ask":    {func() ([]byte, error) { return nil, broken }, broken},
		"nobody to ask": {nil, nil},
	} {
		_, err := ReadKeys(path, c.passphrase)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestDamagedKeyFiles(t *testing.T) {
	good, err := encodeKeys(keysOf(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(name, value string) string {
		var m map[string]string
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		m[name] = value
		text, _ := json.Marshal(m)
		return string(text)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"no JSON":            "hello",
		"another JSON":       `["a"]`,
		"no members":         `{}`,
		"cut off":            string(good[:len(good)/2]),
		"short self key":     edit(memberSelf, "AAAA"),
		"another self key":   edit(memberSelf, strings.Repeat("A", 43)+"="),
		"key is no base64":   edit(memberPKAMPrivate, "***"),
		"no private key":     edit(memberEncryptionPrivate, ""),
		"symmetric key":      edit(memberAPKAMSymmetric, "***"),
		"envelope, no hash":  `{"iv":"AAAAAAAAAAAAAAAAAAAAAA==","content":"AAAA"}`,
		"envelope, short iv": `{"iv":"AAAA","content":"AAAA","hashingAlgoType":"argon2id"}`,
		"envelope, other":    `{"iv":"AAAAAAAAAAAAAAAAAAAAAA==","content":"AAAA","hashingAlgoType":"md5"}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadKeys(path, func() ([]byte, error) { return []byte("x"), nil })
			if err == nil || !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("error %v, want one that begins with the path", err)
			}
		})
	}
	if _, err := ReadKeys(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	k := keysOf(t)
	k.Self = []byte("SELFSELFSELFSELFSELFSELFSELFSELF")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(verb, k)
		if strings.Contains(text, "SELF") || strings.Contains(text, "83, 69") || strings.Contains(text, k.PKAM.D.String()) {
			t.Errorf("%s shows a secret", verb)
		}
	}
}

func FuzzDecodeKeys(f *testing.F) {
	text, err := os.ReadFile(pythonFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"iv":"AAAAAAAAAAAAAAAAAAAAAA==","content":"AAAA","hashingAlgoType":"argon2id"}`))
	f.Add([]byte(`{"selfEncryptionKey":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","@a":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := decodeKeys(text, nil)
		if err != nil {
			return
		}
		again, err := encodeKeys(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeKeys(again, nil); err != nil || !sameKeys(got, k) {
			t.Errorf("read %v, wrote and read %v, %v", k, got, err)
		}
	})
}
