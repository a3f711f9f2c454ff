package atauth

import (
	"bytes"
	"encoding/base64"
	"testing"

	"pgregory.net/rapid"
)

// The vector of the protocol, section cram.
func TestCRAMDigest(t *testing.T) {
	const (
		challenge = "_0e6f3c1e-6f0a-4a53-9a1c-0f6f3f0b7d11@alice:5f1c2c9e-2d6b-4a35-8f0e-5a9b1f6c7d22"
		want      = "37b1f098b1f1842404a3f20b1aad6ab377e9967c188e3051e0da2475fba5b752" +
			"d1d04e180be67c942e98b101c8e7c3df5239802215ca7cc11f0cea00166ce835"
	)
	if got := cramDigest("s3cr3t", challenge); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// Known answers of the Dart SDK: PKCS #7 and AES-256-CTR of 43 bytes.
func TestCTRKnownAnswers(t *testing.T) {
	text := []byte("The quick brown fox jumps over the lazy dog")
	key, iv := make([]byte, 32), make([]byte, 16)
	for i := range key {
		key[i] = byte(i)
	}
	for i := range iv {
		iv[i] = byte(0x10 + i)
	}
	for want, iv := range map[string][]byte{
		"vauKqsNBOoWbVP6kWZDGrp+uM7qR4amRxdL/NThZEKdOfVx+Vr6WX4FzEfcpONYA": iv,
		"pvhllls89rPC0/gYslkZoJYyDo4gzPKV1db0Ry2wFklm2ZWy1Fb6nWzHzjAdKZSc": zeroIV,
	} {
		data, err := encryptCTR(key, iv, text)
		if got := base64.StdEncoding.EncodeToString(data); err != nil || got != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
		if back, err := decryptCTR(key, iv, data); err != nil || !bytes.Equal(back, text) {
			t.Errorf("got %q, %v back", back, err)
		}
	}
}

func TestCTRRefuses(t *testing.T) {
	key := make([]byte, 32)
	good, _ := encryptCTR(key, zeroIV, []byte("0123456789"))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 0x40
	for name, c := range map[string]struct{ key, iv, data []byte }{
		"nothing":   {key, zeroIV, nil},
		"cut":       {key, zeroIV, good[:15]},
		"flipped":   {key, zeroIV, flipped},
		"short iv":  {key, zeroIV[:12], good},
		"short key": {key[:5], zeroIV, good},
	} {
		if got, err := decryptCTR(c.key, c.iv, c.data); err == nil {
			t.Errorf("%s: decrypted to %q", name, got)
		}
	}
}

// Known answers of the Dart SDK for the key of a passphrase. The second one has
// characters for which UTF-8, UTF-16 and the salt's single bytes all differ.
func TestPassphraseKeyKnownAnswers(t *testing.T) {
	for passphrase, want := range map[string]string{
		"correct horse battery staple": "9XTo7JZhehnGb89UDi1oMIzUHDFcfVP3meBYdNh4sj0=",
		"pässwörd✓":                    "XGzc8qzgibytHFwJ+hcv+HnPMkAY8e4ZMezIQFiQyKg=",
	} {
		if got := base64.StdEncoding.EncodeToString(passphraseKey([]byte(passphrase))); got != want {
			t.Errorf("%s: %s, want %s", passphrase, got, want)
		}
	}
}

// The vector of the Base2e15 package that the Dart SDK uses.
func TestBase2e15KnownAnswer(t *testing.T) {
	const text, want = "Base2e15 is awesome!", "嗺둽嬖蟝巍媖疌켉溁닽壪"
	if got := encodeBase2e15([]byte(text)); got != want {
		t.Errorf("encoded to %s, want %s", got, want)
	}
	if got, err := decodeBase2e15(want); err != nil || string(got) != text {
		t.Errorf("decoded to %q, %v", got, err)
	}
}

func TestBase2e15RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		got, err := decodeBase2e15(encodeBase2e15(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("got %v, %v; want %v", got, err, data)
		}
	})
}

func TestBase2e15Refuses(t *testing.T) {
	for _, text := range []string{"plain", "嗺x", "㐀㐀", "㐁嗺", "\uac00\u3401", "\xff"} {
		if got, err := decodeBase2e15(text); err == nil {
			t.Errorf("%q: decoded to %v", text, got)
		}
	}
}
