// Package atauth is the client's half of authentication: key files, the proofs
// that log a client in, the first onboarding of an atSign, both sides of letting
// an app in, and the encryption of what its owner stores.
//
// It guarantees that a connection is never used before the server's certificate
// is verified, that no secret appears in an error or in the printed form of a
// value, and that an onboarding hands its keys to the caller before the step
// after which the CRAM secret is dead. The owner's keys travel to an app only
// under a key that the app made, which the server never sees. Key files, stored
// values and the hand-over have the forms of the released SDKs, so one file
// serves all of them, and an app of one is let in by another.
package atauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"atserver/store/atkey"
)

// Keys are the secrets of one client of an atSign, the content of a .atKeys
// file. Copies share the key pairs, which are never changed.
type Keys struct {
	Sign       atkey.Sign // whose keys these are; empty when the file does not say
	Enrollment string     // id to log in under; empty: the legacy key of the atSign

	PKAM           *rsa.PrivateKey // proves who logs in
	Encryption     *rsa.PrivateKey // signs public values, opens shared keys
	Self           []byte          // 32 bytes; AES-256 key of the owner's own values
	APKAMSymmetric []byte          // 32 bytes or nil; wraps the two keys above for an enrollment

	other map[string]json.RawMessage // members of the file that we do not know
}

// Generate makes the keys of an atSign that has none yet.
func Generate(sign atkey.Sign) (Keys, error) {
	k := Keys{Sign: sign, Self: make([]byte, 32)}
	rand.Read(k.Self)
	var err error
	if k.PKAM, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
		k.Encryption, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("make a key pair: %w", err)
	}
	return k, nil
}

// String names the keys without showing them.
func (k Keys) String() string {
	return fmt.Sprintf("keys of %s (enrollment %q)", k.Sign, k.Enrollment)
}

// GoString is String, so that no verb of fmt prints a secret.
func (k Keys) GoString() string { return k.String() }

// publicText is the form in which public keys travel: base64 of the DER
// SubjectPublicKeyInfo.
func publicText(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err) // an RSA key always has this form
	}
	return base64.StdEncoding.EncodeToString(der)
}

func parsePublic(text string) (*rsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 {
		return nil, fmt.Errorf("a key of type %T, not RSA of at least 2048 bits", parsed)
	}
	return key, nil
}

// privateText is base64 of the DER PKCS #8 form.
func privateText(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // an RSA key always has this form
	}
	return base64.StdEncoding.EncodeToString(der)
}

func parsePrivate(text string) (*rsa.PrivateKey, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	pair, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T, not RSA", key)
	}
	return pair, nil
}

// sign returns base64 of the RSASSA-PKCS1-v1_5 signature with SHA-256, the proof
// of PKAM and the signature of public values (protocol, pkam).
func sign(key *rsa.PrivateKey, text string) (string, error) {
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// cramDigest answers a challenge with the CRAM secret: lower-case hex of the
// SHA-512 of both texts, joined (protocol, cram).
func cramDigest(secret, challenge string) string {
	digest := sha512.Sum512([]byte(secret + challenge))
	return hex.EncodeToString(digest[:])
}
