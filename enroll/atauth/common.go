package atauth

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"atserver/store/atkey"
)

// CommonKey is the AES-256 key that two atSigns have in common, for what one of them
// shares with the other. What the other one shares has a key of its own.
type CommonKey struct{ secret []byte }

// NewCommonKey makes a key.
func NewCommonKey() CommonKey {
	k := CommonKey{make([]byte, 32)}
	rand.Read(k.secret)
	return k
}

// String shows nothing of the key.
func (CommonKey) String() string { return "common key" }

// GoString is String, so that no verb of fmt prints the secret.
func (k CommonKey) GoString() string { return k.String() }

// SealCommon encrypts a common key for the owner, who keeps it as
// shared_key.bob@alice.
func (k Keys) SealCommon(common CommonKey) (string, error) {
	return sealSymmetric(&k.Encryption.PublicKey, common.secret)
}

// ErrCommonKey means that a common key was encrypted for other keys than these: those
// that the atSign had before it was reset, or those of somebody else.
var ErrCommonKey = errors.New("the key it is encrypted with was not made for these keys")

// OpenCommon decrypts a common key: the owner's copy, or one that another atSign made
// for the owner. The only error is ErrCommonKey.
func (k Keys) OpenCommon(sealed string) (CommonKey, error) {
	secret, err := openSymmetric(k.Encryption, sealed)
	if err != nil {
		return CommonKey{}, ErrCommonKey
	}
	return CommonKey{secret}, nil
}

// SealFor encrypts the key for the holder of a public key, in the form in which that
// is looked up.
func (k CommonKey) SealFor(public string) (string, error) {
	key, err := parsePublic(public)
	if err != nil {
		return "", fmt.Errorf("its public key is of no use: %w", err)
	}
	return sealSymmetric(key, k.secret)
}

// PublicKeyChecksum names a public key in pubKeyCS, as the Dart SDK does. It tells
// that a key was replaced; it proves nothing about whose it is, for which MD5 would
// not do.
func PublicKeyChecksum(public string) string {
	sum := md5.Sum([]byte(public))
	return hex.EncodeToString(sum[:])
}

// Seal encrypts a value as Keys.Seal does, for both.
func (k CommonKey) Seal(value []byte) (Value, error) { return sealValue(k.secret, value) }

// Open is Keys.Open for a record that is encrypted with the common key.
func (k CommonKey) Open(r Record) ([]byte, error) { return open(k.secret, r) }

// ErrNoPublicKey means that nothing can be encrypted for an atSign.
var ErrNoPublicKey = errors.New("it has no public key, so nothing can be encrypted for it: its owner has to onboard it first")

// PublicKeyOf looks up for whom to encrypt what only another atSign may read.
func (c *Client) PublicKeyOf(ctx context.Context, sign atkey.Sign) (string, error) {
	text, err := c.Ask(ctx, "plookup:publickey"+string(sign))
	if NotFound(err) || err == nil && text == "null" {
		err = ErrNoPublicKey
	}
	if err != nil {
		return "", fmt.Errorf("public key of %s: %w", sign, err)
	}
	return text, nil
}

// PublicKey is the half of the encryption key that others look up.
func (k Keys) PublicKey() string { return publicText(&k.Encryption.PublicKey) }
