package enroll

import (
	"strings"
	"testing"
)

// The vector of the protocol, section cram.
const (
	vectorSecret    = "s3cr3t"
	vectorChallenge = "_0e6f3c1e-6f0a-4a53-9a1c-0f6f3f0b7d11@alice:5f1c2c9e-2d6b-4a35-8f0e-5a9b1f6c7d22"
	vectorDigest    = "37b1f098b1f1842404a3f20b1aad6ab377e9967c188e3051e0da2475fba5b752" +
		"d1d04e180be67c942e98b101c8e7c3df5239802215ca7cc11f0cea00166ce835"
)

func TestCRAMDigest(t *testing.T) {
	if got := CRAMDigest(vectorSecret, vectorChallenge); got != vectorDigest {
		t.Errorf("digest %s", got)
	}
}

func TestCheckCRAM(t *testing.T) {
	if err := checkCRAM(vectorSecret, vectorChallenge, vectorDigest); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct{ secret, challenge, answer string }{
		"another secret":    {"s3cr3T", vectorChallenge, vectorDigest},
		"another challenge": {vectorSecret, vectorChallenge + "0", vectorDigest},
		"upper case":        {vectorSecret, vectorChallenge, strings.ToUpper(vectorDigest)},
		"cut":               {vectorSecret, vectorChallenge, vectorDigest[:127]},
		"longer":            {vectorSecret, vectorChallenge, vectorDigest + "0"},
		"blank behind":      {vectorSecret, vectorChallenge, vectorDigest + " "},
		"empty":             {vectorSecret, vectorChallenge, ""},
		"no secret":         {"", vectorChallenge, CRAMDigest("", vectorChallenge)},
		"no secret at all":  {"", "", CRAMDigest("", "")},
		"the secret itself": {vectorSecret, vectorChallenge, vectorSecret},
	} {
		if err := checkCRAM(c.secret, c.challenge, c.answer); err != ErrProof {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckCRAMSecret(t *testing.T) {
	for _, c := range []struct {
		secret string
		good   bool
	}{
		{testSecret, true},
		{testSecret[:32], true},
		{strings.ToUpper(testSecret[:32]), true},
		{testSecret[:31], false},                          // 124 bits
		{"Zq8wLk3vXn5bTy7cRp2dGh", true},                  // 22 of 62: 131 bits
		{"Zq8wLk3vXn5bTy7cRp2dG", false},                  // 125 bits
		{"correct-horse:battery/staple", true},            //
		{"318427506973184275069731842750697318427", true}, // 39 digits: 129 bits
		{"31842750697318427506973184275069731842", false}, // 38
		{strings.Repeat("0", 128), false},                 //
		{strings.Repeat("abcdefg", 20), false},            // seven different characters
		{strings.Repeat("abcdefg0", 5), true},             // eight
		{"", false},                                       //
		{"s3cr3t", false},                                 //
		{testSecret[:40] + " " + testSecret[40:], false},  // a blank
		{testSecret + "\n", false},                        //
		{testSecret + "\x00", false},                      //
		{testSecret + "\x7f", false},                      //
		{testSecret + "ü", false},                         // its bytes depend on who types it
		{testSecret + "\xff", false},                      //
		{"🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄🦄", false}, //
	} {
		err := CheckCRAMSecret(c.secret)
		if (err == nil) != c.good {
			t.Errorf("%q: %v", c.secret, err)
		}
		if err != nil && len(c.secret) > 3 && strings.Contains(err.Error(), c.secret) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestNewCRAMSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		secret := NewCRAMSecret()
		if err := CheckCRAMSecret(secret); err != nil || seen[secret] {
			t.Fatalf("%q: %v", secret, err)
		}
		seen[secret] = true
	}
}
