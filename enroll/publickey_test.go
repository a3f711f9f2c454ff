package enroll

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
)

const message = "_4af24c03-d732-48f8-a9a2-570e8fb6a01c@alice:d6ca28b9"

func parsed(t *testing.T, s *signer) PublicKey {
	t.Helper()
	k, err := ParsePublicKey(s.algorithm, s.public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestVerify(t *testing.T) {
	for _, s := range []*signer{rsaSigner(), p256Signer()} {
		k := parsed(t, s)
		good := map[string]string{"": s.sign("sha256", message), "sha256": s.sign("sha256", message), "sha512": s.sign("sha512", message)}
		for hash, signature := range good {
			if err := k.Verify(hash, message, signature); err != nil {
				t.Errorf("%s %q: %v", s.algorithm, hash, err)
			}
			raw, _ := base64.StdEncoding.DecodeString(signature)
			flipped := append([]byte{}, raw...)
			flipped[len(raw)/2] ^= 1
			for name, c := range map[string]struct{ message, signature string }{
				"another message":  {message + "0", signature},
				"no message":       {"", signature},
				"no signature":     {message, ""},
				"cut":              {message, base64.StdEncoding.EncodeToString(raw[:len(raw)-1])},
				"cut to half":      {message, base64.StdEncoding.EncodeToString(raw[:len(raw)/2])},
				"longer":           {message, base64.StdEncoding.EncodeToString(append(raw[:len(raw):len(raw)], '0'))},
				"zero before":      {message, base64.StdEncoding.EncodeToString(append([]byte{0}, raw...))},
				"one bit":          {message, base64.StdEncoding.EncodeToString(flipped)},
				"base64 cut":       {message, signature[:len(signature)-1]},
				"no base64":        {message, "!" + signature[1:]},
				"URL alphabet":     {message, "-_" + signature[2:]},
				"hexadecimal":      {message, hex.EncodeToString(raw)},
				"zeros":            {message, base64.StdEncoding.EncodeToString(make([]byte, len(raw)))},
				"an option before": {message, "hashingAlgo:md5:" + signature},
			} {
				if err := k.Verify(hash, c.message, c.signature); err != ErrProof {
					t.Errorf("%s %q, %s: %v", s.algorithm, hash, name, err)
				}
			}
		}
	}
}

// TestVerifyHashName: RSA signs over the hash that is named, and no other.
func TestVerifyHashName(t *testing.T) {
	s := rsaSigner()
	k := parsed(t, s)
	for _, c := range []struct{ signed, claimed string }{
		{"sha256", "sha512"}, {"sha512", "sha256"}, {"sha512", ""}, {"sha256", "md5"}, {"sha256", "SHA256"}, {"sha256", "sha1"}, {"sha256", "none"},
	} {
		if err := k.Verify(c.claimed, message, s.sign(c.signed, message)); err != ErrProof {
			t.Errorf("signed with %s, claimed %q: %v", c.signed, c.claimed, err)
		}
	}
}

// TestVerifyForeign: the signature of one key is not that of another, of the
// same kind or not.
func TestVerifyForeign(t *testing.T) {
	one, two := p256Signer(), p256Signer()
	for _, c := range []struct{ key, by *signer }{{one, two}, {one, rsaSigner()}, {rsaSigner(), one}} {
		if err := parsed(t, c.key).Verify("sha256", message, c.by.sign("sha256", message)); err != ErrProof {
			t.Errorf("%s verified by the key of another %s: %v", c.by.algorithm, c.key.algorithm, err)
		}
	}
}

// TestVerifyP256Edges: r and s out of range, and the forms of other libraries.
func TestVerifyP256Edges(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParsePublicKey(P256, hex.EncodeToString(point))
	if err != nil {
		t.Fatal(err)
	}
	der, err := ecdsa.SignASN1(rand.Reader, private, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	order := elliptic.P256().Params().N.Text(16)
	for name, signature := range map[string]string{
		"zero and zero": strings.Repeat("0", 128),
		"the order":     order + order,
		"all ones":      strings.Repeat("f", 128),
		"DER":           string(der),
		"no hex":        strings.Repeat("g", 128),
		"127 digits":    strings.Repeat("1", 127),
		"130 digits":    strings.Repeat("1", 130),
	} {
		if err := k.Verify("", message, base64.StdEncoding.EncodeToString([]byte(signature))); err != ErrProof {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePublicKey(t *testing.T) {
	odd := func(bits uint) *rsa.PublicKey { // a modulus is not looked into, only measured
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := other.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p256, r := p256Signer().public, rsaSigner().public
	for name, c := range map[string]struct {
		algorithm Algorithm
		text      string
		good      bool
	}{
		"RSA":                      {RSA2048, r, true},
		"RSA by default":           {"", r, true},
		"RSA of 4096 bits":         {RSA2048, spki(odd(4096)), true},
		"RSA of 2047 bits":         {RSA2048, spki(odd(2047)), false},
		"RSA of 1024 bits":         {RSA2048, spki(odd(1024)), false},
		"RSA of 512 bits":          {"", spki(odd(512)), false},
		"PKCS #1":                  {RSA2048, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(odd(2048))), false},
		"RSA cut":                  {RSA2048, r[:len(r)-4], false},
		"RSA and more":             {RSA2048, base64.StdEncoding.EncodeToString(append(decode64(t, r), 0)), false},
		"RSA as P-256":             {P256, r, false},
		"EC in DER as RSA":         {RSA2048, base64.StdEncoding.EncodeToString(der), false},
		"P-256":                    {P256, p256, true},
		"P-256 in upper case":      {P256, strings.ToUpper(p256), true},
		"P-256 as RSA":             {RSA2048, p256, false},
		"P-256 cut":                {P256, p256[:128], false},
		"P-256 off the curve":      {P256, p256[:129] + flip(p256[129]), false},
		"P-256 of the zero point":  {P256, "04" + strings.Repeat("0", 128), false},
		"P-256 at infinity":        {P256, "00", false},
		"P-256 in compressed form": {P256, "02" + p256[2:66], false},
		"P-384":                    {P256, hex.EncodeToString(point), false},
		"empty RSA":                {RSA2048, "", false},
		"empty P-256":              {P256, "", false},
		"garbage":                  {RSA2048, "MIIBIjANBgkqhkiG", false},
		"a blank":                  {RSA2048, " " + r, false},
		"unknown algorithm":        {"mldsa65", r, false},
		"algorithm in upper case":  {"RSA2048", r, false},
	} {
		_, err := ParsePublicKey(c.algorithm, c.text)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(c.text) > 8 && strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
}

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func flip(digit byte) string {
	if digit == '0' {
		return "1"
	}
	return "0"
}

// TestFingerprint is the same for one key in any spelling.
func TestFingerprint(t *testing.T) {
	r, e, e2 := parsed(t, rsaSigner()), p256Signer(), p256Signer()
	upper, err := ParsePublicKey(P256, strings.ToUpper(e.public))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b PublicKey
		want bool
	}{
		{r, r, true}, {r, parsed(t, rsaSigner()), true}, {parsed(t, e), upper, true}, {parsed(t, e), parsed(t, e2), false},
		{r, parsed(t, e), false},
	} {
		if (c.a.Fingerprint() == c.b.Fingerprint()) != c.want {
			t.Errorf("%v and %v the same: %v", c.a.algorithm, c.b.algorithm, !c.want)
		}
	}
}

func TestGuessAlgorithm(t *testing.T) {
	p256 := p256Signer().public
	for text, want := range map[string]Algorithm{p256: P256, rsaSigner().public: RSA2048, p256[:129]: RSA2048, p256 + "0": RSA2048, "": RSA2048,
		strings.Repeat("M", 130): RSA2048} {
		if got := GuessAlgorithm(text); got != want {
			t.Errorf("%.20s… is taken for %s", text, got)
		}
	}
}
