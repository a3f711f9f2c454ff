package atauth

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// pythonHandOver is what another SDK made with the keys of pythonFile.
type pythonHandOver struct {
	SymmetricKey       []byte
	SealedSymmetricKey string
	Private, Self      wrappedKey
	OldPrivate         wrappedKey
	OldSelf            wrappedKey
}

func handOverOfPython(t *testing.T) (h pythonHandOver) {
	t.Helper()
	text, err := os.ReadFile("testdata/handover.json")
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHandOverOfPython(t *testing.T) {
	owner, err := ReadKeys(pythonFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := handOverOfPython(t)
	symmetric, err := openSymmetric(owner.Encryption, h.SealedSymmetricKey)
	if err != nil || !bytes.Equal(symmetric, h.SymmetricKey) {
		t.Errorf("symmetric key: %v", err)
	}
	for name, keys := range map[string][2]wrappedKey{"with IVs": {h.Private, h.Self}, "old": {h.OldPrivate, h.OldSelf}} {
		got := Keys{APKAMSymmetric: h.SymmetricKey}
		if err := got.unwrap(keys[0], keys[1], &owner.Encryption.PublicKey); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !got.Encryption.Equal(owner.Encryption) || !bytes.Equal(got.Self, owner.Self) {
			t.Errorf("%s: other keys came out", name)
		}
	}
	// What we encrypt under the same IV is the same.
	iv, _ := base64.StdEncoding.DecodeString(h.Private.IV)
	data, err := encryptCTR(h.SymmetricKey, iv, []byte(privateText(owner.Encryption)))
	if err != nil || base64.StdEncoding.EncodeToString(data) != h.Private.Value {
		t.Errorf("our private key is another text: %v", err)
	}
}

func TestHandOver(t *testing.T) {
	owner := keysOf(t)
	symmetric := make([]byte, 32)
	rand.Read(symmetric)
	sealed, err := sealSymmetric(&owner.Encryption.PublicKey, symmetric)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := openSymmetric(owner.Encryption, sealed)
	if err != nil || !bytes.Equal(opened, symmetric) {
		t.Fatalf("opened %d bytes, %v", len(opened), err)
	}
	private, self, err := owner.wrap(opened)
	if err != nil {
		t.Fatal(err)
	}
	again, _, _ := owner.wrap(opened)
	if private.IV == "" || private.IV == self.IV || private.IV == again.IV || private.Value == again.Value {
		t.Error("an IV was used twice")
	}
	app := Keys{APKAMSymmetric: symmetric}
	if err := app.unwrap(private, self, &owner.Encryption.PublicKey); err != nil {
		t.Fatal(err)
	}
	if !app.Encryption.Equal(owner.Encryption) || !bytes.Equal(app.Self, owner.Self) {
		t.Error("the app got other keys")
	}
}

func TestOpenSymmetricRefuses(t *testing.T) {
	owner := keysOf(t)
	sealed := func(key []byte) string {
		text, err := sealSymmetric(&owner.Encryption.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	strangers, err := sealSymmetric(&owner.PKAM.PublicKey, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "no base64": "***", "short": "AAAA", "a key of 16 bytes": sealed(make([]byte, 16)), "for somebody else": strangers,
	} {
		if key, err := openSymmetric(owner.Encryption, text); !errors.Is(err, errSymmetric) {
			t.Errorf("%s: %d bytes, %v", name, len(key), err)
		}
	}
}

func TestUnwrapRefuses(t *testing.T) {
	owner := keysOf(t)
	symmetric := make([]byte, 32)
	private, self, err := owner.wrap(symmetric)
	if err != nil {
		t.Fatal(err)
	}
	impostor := owner
	impostor.Encryption = owner.PKAM
	theirs, _, _ := impostor.wrap(symmetric)
	impostor.Self = owner.Self[:16]
	_, short, _ := impostor.wrap(symmetric)
	flipped := private
	flipped.Value = string(private.Value[0]^1) + private.Value[1:]
	for name, keys := range map[string][2]wrappedKey{
		"no private key":         {{}, self},
		"no self key":            {private, {}},
		"the other way round":    {self, private},
		"another IV":             {{private.Value, self.IV}, self},
		"IV is no base64":        {{private.Value, "*"}, self},
		"short IV":               {private, {self.Value, "AAAA"}},
		"another private key":    {theirs, self},
		"self key of 16 bytes":   {private, short},
		"the server changed it":  {flipped, self},
		"private key, unwrapped": {{privateText(owner.Encryption), private.IV}, self},
	} {
		app := Keys{APKAMSymmetric: symmetric}
		if err := app.unwrap(keys[0], keys[1], &owner.Encryption.PublicKey); !errors.Is(err, ErrHandOver) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
