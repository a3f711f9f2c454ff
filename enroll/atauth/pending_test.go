package atauth

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestPendingFile(t *testing.T) {
	for name, passphrase := range map[string]string{"open": "", "passphrase": "correct horse"} {
		t.Run(name, func(t *testing.T) {
			p := pendingOf(t, Options{Sign: "@alice"})
			p.Request.Lifetime = time.Hour
			path := filepath.Join(t.TempDir(), "new", "k.pending")
			if err := WritePending(path, p, []byte(passphrase)); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
			}
			got, err := ReadPending(path, func() ([]byte, error) { return []byte(passphrase), nil })
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, p) {
				t.Errorf("read %v, wrote %v", got, p)
			}
			if err := WritePending(path, p, nil); !errors.Is(err, fs.ErrExist) {
				t.Errorf("second write: %v, want fs.ErrExist", err)
			}
			_, err = ReadPending(path, func() ([]byte, error) { return []byte("wrong"), nil })
			if passphrase != "" && !errors.Is(err, ErrPassphrase) {
				t.Errorf("wrong passphrase: %v", err)
			}
			if _, err := ReadPending(path, nil); (err == nil) != (passphrase == "") {
				t.Errorf("nobody to ask: %v", err)
			}
		})
	}
}

func TestDamagedPendingFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.pending")
	if err := WritePending(path, pendingOf(t, Options{Sign: "@alice"}), nil); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(map[string]any){
		"no id":           func(m map[string]any) { delete(m, "enrollmentId") },
		"no atSign":       func(m map[string]any) { m["atSign"] = "" },
		"private key":     func(m map[string]any) { m["apkamPrivateKey"] = "AAAA" },
		"public key":      func(m map[string]any) { m["encryptionPublicKey"] = "***" },
		"symmetric key":   func(m map[string]any) { m["apkamSymmetricKey"] = "AAAA" },
		"another file":    func(m map[string]any) { clear(m); m["selfEncryptionKey"] = "AAAA" },
		"another type":    func(m map[string]any) { m["enrollmentId"] = 7 },
		"envelope, empty": func(m map[string]any) { clear(m); m["iv"] = "AAAA" },
	} {
		var m map[string]any
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		edit(m)
		if err := os.WriteFile(path, []byte(text(m)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPending(path, func() ([]byte, error) { return []byte("x"), nil }); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: error %v, want one that begins with the path", name, err)
		}
	}
	if _, err := ReadPending(path+"x", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzDecodePending(f *testing.F) {
	f.Add([]byte(`{"atSign":"@alice","enrollmentId":"0b9e","apkamPrivateKey":"AAAA","apkamSymmetricKey":"AAAA"}`))
	f.Add([]byte(`{"iv":"AAAAAAAAAAAAAAAAAAAAAA==","content":"AAAA","hashingAlgoType":"argon2id"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := decodePending(text, nil); err == nil && (p.pkam == nil || p.owner == nil || len(p.symmetric) != 32 || p.Options.Sign == "") {
			t.Errorf("half a request: %v", p)
		}
	})
}
