package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Algorithm is a signature scheme of PKAM, by its name on the wire.
type Algorithm string

const (
	RSA2048 Algorithm = "rsa2048" // PKCS #1 v1.5, RFC 8017 §8.2; keys of 2048 bits and more
	P256    Algorithm = "ecc_secp256r1"
)

// minRSABits refuses keys that can be broken.
const minRSABits = 2048

// ErrProof is the only failure of a proof: which part was wrong is nobody's business.
var ErrProof = errors.New("proof of identity failed")

// PublicKey checks signatures of one key.
type PublicKey struct {
	algorithm Algorithm
	rsa       *rsa.PublicKey
	ecdsa     *ecdsa.PublicKey
}

// ParsePublicKey reads a key as clients send it: base64 of a DER
// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) for RSA, hex of an uncompressed point
// (SEC 1 §2.3.3) for P-256. An empty algorithm means RSA.
func ParsePublicKey(algorithm Algorithm, text string) (PublicKey, error) {
	switch algorithm {
	case RSA2048, "":
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return PublicKey{}, errors.New("the public key is not base64")
		}
		parsed, err := x509.ParsePKIXPublicKey(der)
		key, ok := parsed.(*rsa.PublicKey)
		if err != nil || !ok {
			return PublicKey{}, errors.New("the public key is no RSA key in DER form")
		}
		if bits := key.N.BitLen(); bits < minRSABits {
			return PublicKey{}, fmt.Errorf("an RSA key of %d bits is too weak, %d is the least", bits, minRSABits)
		}
		return PublicKey{algorithm: RSA2048, rsa: key}, nil
	case P256:
		point, err := hex.DecodeString(text)
		if err != nil {
			return PublicKey{}, errors.New("the public key is not hexadecimal")
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return PublicKey{}, errors.New("the public key is no point of the curve P-256")
		}
		return PublicKey{algorithm: P256, ecdsa: key}, nil
	}
	return PublicKey{}, fmt.Errorf("unknown signing algorithm %q", algorithm)
}

// GuessAlgorithm tells from the form of a key which algorithm it is for, where
// the client does not say.
func GuessAlgorithm(text string) Algorithm {
	if len(text) == 130 && strings.HasPrefix(text, "04") {
		return P256
	}
	return RSA2048
}

// Fingerprint is the same for one key however it was spelt: the SHA-256 of its
// DER form, in hexadecimal.
func (k PublicKey) Fingerprint() string {
	var der []byte
	if k.rsa != nil {
		der = x509.MarshalPKCS1PublicKey(k.rsa)
	} else {
		der, _ = k.ecdsa.Bytes() // cannot fail for a point that was parsed
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// Verify checks the signature over a message. For RSA it is base64 of the
// signature and hash is "sha256" (or empty) or "sha512"; for P-256 it is base64
// of 128 hexadecimal digits, r and s, always over SHA-256. It returns ErrProof.
func (k PublicKey) Verify(hash, message, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return ErrProof
	}
	if k.algorithm == P256 {
		rs, err := hex.DecodeString(string(raw))
		if err != nil || len(rs) != 64 {
			return ErrProof
		}
		digest := sha256.Sum256([]byte(message))
		if !ecdsa.Verify(k.ecdsa, digest[:], new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:])) {
			return ErrProof
		}
		return nil
	}
	switch hash {
	case "sha256", "":
		digest := sha256.Sum256([]byte(message))
		err = rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, digest[:], raw)
	case "sha512":
		digest := sha512.Sum512([]byte(message))
		err = rsa.VerifyPKCS1v15(k.rsa, crypto.SHA512, digest[:], raw)
	default:
		return ErrProof
	}
	if err != nil {
		return ErrProof
	}
	return nil
}
