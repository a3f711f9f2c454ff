package enroll

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"math"
	"strings"
)

// minSecretBits is the strength below which a bootstrap secret is refused.
const minSecretBits = 128

// NewCRAMSecret returns a fresh bootstrap secret of 256 bits.
func NewCRAMSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// CheckCRAMSecret refuses a secret that could be guessed. It can only judge by
// the look: length times the bits of the alphabet that its characters suggest.
func CheckCRAMSecret(secret string) error {
	distinct := map[rune]bool{}
	alphabet := 10.0
	for _, r := range secret {
		if r < '!' || r > '~' {
			return errors.New("the CRAM secret may hold visible ASCII characters only, no blanks")
		}
		distinct[r] = true
		switch {
		case !strings.ContainsRune("0123456789abcdefABCDEF", r):
			alphabet = 62
		case r > '9':
			alphabet = max(alphabet, 16)
		}
	}
	if float64(len(secret))*math.Log2(alphabet) < minSecretBits || len(distinct) < 8 {
		return errors.New("the CRAM secret is weaker than 128 bits: use 32 random hexadecimal digits or more")
	}
	return nil
}

// CRAMDigest returns what a client must answer to a challenge: the SHA-512 of
// the secret followed by the challenge, in lower-case hexadecimal.
func CRAMDigest(secret, challenge string) string {
	sum := sha512.Sum512([]byte(secret + challenge))
	return hex.EncodeToString(sum[:])
}

// checkCRAM compares an answer in constant time. It returns ErrProof.
func checkCRAM(secret, challenge, answer string) error {
	want := CRAMDigest(secret, challenge)
	if secret == "" || subtle.ConstantTimeCompare([]byte(want), []byte(answer)) != 1 {
		return ErrProof
	}
	return nil
}
