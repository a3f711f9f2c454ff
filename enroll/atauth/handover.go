package atauth

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
)

// The hand-over of the owner's keys to an app (protocol, enroll): the app makes a
// symmetric key and encrypts it for the owner; whoever lets the app in encrypts
// the owner's keys with it. What is encrypted is in each case the text that a key
// file holds, the base64 of the key.

// sealSymmetric encrypts a symmetric key for the holder of the private half.
//
// Known weakness: PKCS #1 v1.5, which is the only padding that the SDKs know. It
// is dangerous where somebody can see, again and again, whether a text of theirs
// decrypts. Here a person is asked before each attempt.
func sealSymmetric(owner *rsa.PublicKey, key []byte) (string, error) {
	text := base64.StdEncoding.EncodeToString(key)
	data, err := rsa.EncryptPKCS1v15(nil, owner, []byte(text)) //lint:ignore SA1019 see above
	if err != nil {
		return "", fmt.Errorf("encrypt the symmetric key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(data), nil
}

var errSymmetric = errors.New("its symmetric key was not made for the keys of this atSign")

// openSymmetric undoes sealSymmetric. The only error is errSymmetric.
func openSymmetric(owner *rsa.PrivateKey, text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errSymmetric
	}
	data, err = rsa.DecryptPKCS1v15(nil, owner, data) //lint:ignore SA1019 see sealSymmetric
	if err != nil {
		return nil, errSymmetric
	}
	key, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil || len(key) != 32 {
		return nil, errSymmetric
	}
	return key, nil
}

// wrappedKey is one of the owner's keys as the server keeps it for an app. Old
// approvers give no iv.
type wrappedKey struct {
	Value string `json:"value"`
	IV    string `json:"iv"`
}

// wrap encrypts both keys of the owner, each under an IV of its own.
func (k Keys) wrap(symmetric []byte) (private, self wrappedKey, err error) {
	if private.Value, private.IV, err = sealText(symmetric, []byte(privateText(k.Encryption))); err == nil {
		self.Value, self.IV, err = sealText(symmetric, []byte(base64.StdEncoding.EncodeToString(k.Self)))
	}
	if err != nil {
		err = fmt.Errorf("wrap the keys: %w", err)
	}
	return private, self, err
}

// ErrHandOver means that the keys which an app was handed are not the keys of the
// atSign that it asked.
var ErrHandOver = errors.New("whoever let the app in handed over no keys, or wrong ones")

// unwrap undoes wrap for an app that knows the owner's public key. The only error
// is ErrHandOver.
func (k *Keys) unwrap(private, self wrappedKey, owner *rsa.PublicKey) error {
	text, err := openText(k.APKAMSymmetric, private.Value, private.IV)
	if err != nil {
		return ErrHandOver
	}
	if k.Encryption, err = parsePrivate(string(text)); err != nil || !k.Encryption.PublicKey.Equal(owner) {
		return ErrHandOver
	}
	if text, err = openText(k.APKAMSymmetric, self.Value, self.IV); err != nil {
		return ErrHandOver
	}
	k.Self, err = base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(k.Self) != 32 {
		return ErrHandOver
	}
	return nil
}
