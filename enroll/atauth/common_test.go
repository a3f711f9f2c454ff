package atauth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"atserver/verbs/wire"
)

func TestCommonKey(t *testing.T) {
	alice := keysOf(t)
	bob, err := ReadKeys(pythonFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	common := NewCommonKey()
	own, err := alice.SealCommon(common)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := common.SealFor(publicText(&bob.Encryption.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range someValues {
		v, err := common.Seal(value)
		if err != nil {
			t.Fatal(err)
		}
		for who, c := range map[string]struct {
			keys   Keys
			sealed string
		}{"alice": {alice, own}, "bob": {bob, theirs}} {
			key, err := c.keys.OpenCommon(c.sealed)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := key.Open(record(t, v)); err != nil || !bytes.Equal(got, value) {
				t.Errorf("%s, %s: %q, %v", name, who, got, err)
			}
		}
	}
	for _, bad := range []string{"", "%", "AAAA", theirs[:len(theirs)-4]} {
		if _, err := alice.OpenCommon(bad); err != ErrCommonKey {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, text := range []string{fmt.Sprint(common), fmt.Sprintf("%#v", common), fmt.Sprintf("%+v", common)} {
		if text != "common key" {
			t.Errorf("a key shows: %s", text)
		}
	}
}

// What the SDKs have in common is text, the base64 of the key, and is encrypted as
// such.
func TestCommonKeyOfPython(t *testing.T) {
	k, err := ReadKeys(pythonFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	secret := bytes.Repeat([]byte{7}, 32)
	sealed, err := sealSymmetric(&k.Encryption.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	common, err := k.OpenCommon(sealed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := encryptCTR(secret, zeroIV, []byte("for bob"))
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(data)
	r := Record{Key: "@bob:k.ns@alice", Data: &text, Meta: json.RawMessage(`{"isEncrypted":true}`)}
	if got, err := common.Open(r); err != nil || string(got) != "for bob" {
		t.Errorf("opened %q, %v", got, err)
	}
}

func TestSealForNoKey(t *testing.T) {
	for _, public := range []string{"", "null", "AAAA", strings.Repeat("x", 400)} {
		if _, err := NewCommonKey().SealFor(public); err == nil || !strings.Contains(err.Error(), "of no use") {
			t.Errorf("%q: %v", public, err)
		}
	}
}

func TestPublicKeyOf(t *testing.T) {
	for reply, want := range map[string]error{
		"data:abc":  nil,
		"data:null": ErrNoPublicKey,
		"error:AT0015-key not found : public:publickey@bob does not exist in keystore": ErrNoPublicKey,
		"error:AT0007-Secondary server not found : no":                                 &wire.Error{},
	} {
		o, _ := peer(t, []exchange{{"plookup:publickey@bob", reply}})
		c, err := Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := c.PublicKeyOf(t.Context(), "@bob")
		switch want.(type) {
		case nil:
			if err != nil || text != "abc" {
				t.Errorf("%s: %q, %v", reply, text, err)
			}
		case *wire.Error:
			if !errors.As(err, new(*wire.Error)) {
				t.Errorf("%s: %v", reply, err)
			}
		default:
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", reply, err)
			}
		}
		c.Close()
	}
}

// The checksum is that of the Dart SDK: lower-case hex of the MD5 of the text.
func TestPublicKeyChecksum(t *testing.T) {
	if got := PublicKeyChecksum("abc"); got != "900150983cd24fb0d6963f7d28e17f72" {
		t.Errorf("got %s", got)
	}
}
