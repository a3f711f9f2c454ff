package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// evaluate computes the right side of a let. Small letters stand for values, capital ones for words as they are:
//
//	digest c         answer to the CRAM challenge c
//	sign KEY c       signature over c; sign512 uses SHA-512
//	public KEY       public key as clients send it. KEY is a name that says its kind: "p256…" is a P-256 key,
//	                 "weak…" an RSA key of 1024 bits, any other one of 2048. Each test run makes its own
//	fill N TEXT      TEXT N times
//	cut N v          v without its last N bytes
//	upper v          v in upper case
//	base64 TEXT      TEXT in base64
func evaluate(call, secret string, values map[string]string) (string, error) {
	name, args, _ := strings.Cut(call, " ")
	first, second, _ := strings.Cut(args, " ")
	switch name {
	case "digest":
		sum := sha512.Sum512([]byte(secret + values[first]))
		return hex.EncodeToString(sum[:]), nil
	case "sign":
		return keyNamed(first).sign(crypto.SHA256, values[second])
	case "sign512":
		return keyNamed(first).sign(crypto.SHA512, values[second])
	case "public":
		return keyNamed(first).public()
	case "fill":
		n, err := strconv.Atoi(first)
		return strings.Repeat(second, n), err
	case "cut":
		n, err := strconv.Atoi(first)
		return values[second][:len(values[second])-n], err
	case "upper":
		return strings.ToUpper(values[first]), nil
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(args)), nil
	}
	if f := enrollFunctions[name]; f != nil {
		return f(args, values)
	}
	return "", fmt.Errorf("unknown function %q", name)
}

// key is a key pair of a client.
type key struct {
	rsa  *rsa.PrivateKey
	p256 *ecdsa.PrivateKey
}

var keys sync.Map // name -> func() key

// keyNamed returns the key of a name, made at first use.
func keyNamed(name string) key {
	made, _ := keys.LoadOrStore(name, sync.OnceValue(func() (k key) {
		var err error
		switch {
		case strings.HasPrefix(name, "p256"):
			k.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		case strings.HasPrefix(name, "weak"):
			k.rsa, err = rsa.GenerateKey(rand.Reader, 1024)
		default:
			k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err != nil {
			panic(err)
		}
		return k
	}))
	return made.(func() key)()
}

func (k key) public() (string, error) {
	if k.p256 != nil {
		point, err := k.p256.PublicKey.Bytes()
		return hex.EncodeToString(point), err
	}
	spki, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
	return base64.StdEncoding.EncodeToString(spki), err
}

func (k key) sign(hash crypto.Hash, message string) (string, error) {
	if k.p256 != nil {
		sum := sha256.Sum256([]byte(message))
		r, s, err := ecdsa.Sign(rand.Reader, k.p256, sum[:])
		if err != nil {
			return "", err
		}
		return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%064x%064x", r, s)), nil
	}
	h := hash.New()
	h.Write([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.rsa, hash, h.Sum(nil))
	return base64.StdEncoding.EncodeToString(signature), err
}
