package atauth

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

type python struct {
	PKAMPublicKey, EncryptionPublicKey string
	Text, IVNonce                      string
	Encrypted, EncryptedZeroIV         string
	Challenge, PKAMSignature           string
	DataSignature                      string
}

// pythonValues are what the Python SDK made with the keys of pythonFile.
func pythonValues(t *testing.T) (v python) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/keys/python_values.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// record is what a server replies after an update with v.
func record(t *testing.T, v Value) Record {
	t.Helper()
	if strings.ContainsAny(v.Text, "\n\r\x00") || strings.TrimFunc(v.Text, isEdge) != v.Text || v.Text == "" {
		t.Errorf("%q does not survive on one line", v.Text)
	}
	meta := make(map[string]any)
	parts := strings.Split(strings.TrimPrefix(v.Fragments, ":"), ":")
	for i := 0; i+1 < len(parts); i += 2 {
		switch parts[i+1] {
		case "true", "false":
			meta[parts[i]] = parts[i+1] == "true"
		default:
			meta[parts[i]] = parts[i+1]
		}
	}
	text, _ := json.Marshal(meta)
	return Record{Key: "k.ns@alice", Data: &v.Text, Meta: text}
}

var someValues = map[string][]byte{
	"text":         []byte("hello"),
	"unicode":      []byte("päivää ✓ 🛠"),
	"lines":        []byte("one\ntwo\r\nthree\n"),
	"blanks":       []byte("  around  "),
	"byte order":   []byte("\ufeffmarked\ufeff"),
	"one blank":    []byte(" "),
	"NUL":          []byte("a\x00b"),
	"bytes":        {0xff, 0x00, 0x80, 0x0a},
	"block":        []byte("0123456789abcdef"),
	"looks padded": []byte("0123456789abcde\x01"),
	"large":        bytes.Repeat([]byte("0123456789"), 4_000),
}

func TestValuesRoundTrip(t *testing.T) {
	k := keysOf(t)
	for name, value := range someValues {
		for kind, write := range map[string]func([]byte) (Value, error){"sealed": k.Seal, "published": k.Publish} {
			v, err := write(value)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			if got, err := k.Open(record(t, v)); err != nil || !bytes.Equal(got, value) {
				t.Errorf("%s, %s: opened %q, %v", name, kind, got, err)
			}
		}
	}
	v, err := k.Seal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(record(t, v)); err != nil || len(got) != 0 {
		t.Errorf("empty: %q, %v", got, err)
	}
	if _, err := k.Publish(nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("publishing nothing: %v", err)
	}
}

func TestSealNeverRepeats(t *testing.T) {
	k := keysOf(t)
	a, _ := k.Seal([]byte("same"))
	b, _ := k.Seal([]byte("same"))
	if a.Text == b.Text || a.Fragments == b.Fragments {
		t.Error("two seals of one value are equal")
	}
	if strings.Contains(a.Fragments, "dataSignature") {
		t.Error("a secret is signed")
	}
}

func TestPublishSigns(t *testing.T) {
	k := keysOf(t)
	for value, want := range map[string]string{
		"hello":  ":isBinary:false:isEncrypted:false",
		"a\nb":   ":isBinary:false:isEncrypted:false:encoding:base64",
		"\xff\n": ":isBinary:true:isEncrypted:false",
	} {
		v, err := k.Publish([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		rest := strings.TrimPrefix(v.Fragments, ":dataSignature:")
		signature, fragments, _ := strings.Cut(rest, ":")
		if ":"+fragments != want {
			t.Errorf("%q: fragments %q, want %q", value, ":"+fragments, want)
		}
		text, _ := asText([]byte(value))
		digest := sha256.Sum256([]byte(text))
		raw, _ := base64.StdEncoding.DecodeString(signature)
		if err := rsa.VerifyPKCS1v15(&k.Encryption.PublicKey, crypto.SHA256, digest[:], raw); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	k := keysOf(t)
	text := func(s string) *string { return &s }
	for name, r := range map[string]Record{
		"metadata":       {Data: text("x"), Meta: json.RawMessage(`[]`)},
		"no base64":      {Data: text("***"), Meta: json.RawMessage(`{"isEncrypted":true}`)},
		"no block":       {Data: text("AAAA"), Meta: json.RawMessage(`{"isEncrypted":true}`)},
		"nothing":        {Data: text(""), Meta: json.RawMessage(`{"isEncrypted":true}`)},
		"iv":             {Data: text("AAAA"), Meta: json.RawMessage(`{"isEncrypted":true,"ivNonce":"*"}`)},
		"short iv":       {Data: text("AAAA"), Meta: json.RawMessage(`{"isEncrypted":true,"ivNonce":"AAAA"}`)},
		"public, base64": {Data: text("***"), Meta: json.RawMessage(`{"encoding":"base64"}`)},
	} {
		if got, err := k.Open(r); err == nil {
			t.Errorf("%s: opened %q", name, got)
		}
	}
	for name, r := range map[string]Record{
		"no value":         {Meta: json.RawMessage(`{"isEncrypted":true}`)},
		"binary, but text": {Data: text("plain"), Meta: json.RawMessage(`{"isBinary":true}`)},
	} {
		if _, err := k.Open(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValuesOfPython(t *testing.T) {
	k, err := ReadKeys(pythonFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := pythonValues(t)
	for meta, data := range map[string]string{
		`{"isEncrypted":true}`:                               v.EncryptedZeroIV,
		`{"isEncrypted":true,"ivNonce":"` + v.IVNonce + `"}`: v.Encrypted,
	} {
		got, err := k.Open(Record{Data: &data, Meta: json.RawMessage(meta)})
		if err != nil || string(got) != v.Text {
			t.Errorf("%s: %q, %v; want %q", meta, got, err, v.Text)
		}
	}
	iv, _ := base64.StdEncoding.DecodeString(v.IVNonce)
	data, err := encryptCTR(k.Self, iv, []byte(v.Text))
	if got := base64.StdEncoding.EncodeToString(data); err != nil || got != v.Encrypted {
		t.Errorf("encrypted to %s, %v; want %s", got, err, v.Encrypted)
	}
	if got, err := sign(k.PKAM, v.Challenge); err != nil || got != v.PKAMSignature {
		t.Errorf("PKAM proof differs from Python's: %v", err)
	}
	if got, err := sign(k.Encryption, v.Text); err != nil || got != v.DataSignature {
		t.Errorf("data signature differs from Python's: %v", err)
	}
}
