package atauth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
)

// zeroIV is the initialisation vector of key files, and of encrypted texts that
// come without one.
//
// Known weakness: AES-CTR with one key and one IV uses the same key stream for
// every text, so whoever reads two such texts learns their XOR. In a key file
// that hides nothing that is not open anyway: the key stands beside the texts,
// and only a passphrase protects them. Values written by old clients have it in
// earnest; those that this package writes carry an IV of their own.
var zeroIV = make([]byte, aes.BlockSize)

var errPadding = errors.New("wrong key, or damaged text")

// encryptCTR encrypts with AES-CTR after padding with PKCS #7, which CTR does not
// need but every SDK expects.
func encryptCTR(key, iv, text []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(text)%aes.BlockSize
	out := append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCTR(block, iv).XORKeyStream(out, out)
	return out, nil
}

// decryptCTR undoes encryptCTR. The mode authenticates nothing: a wrong key
// shows only in the padding, so about one wrong key in 256 goes unnoticed here.
func decryptCTR(key, iv, data []byte) ([]byte, error) {
	if len(iv) != aes.BlockSize {
		return nil, errPadding
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(data))
	cipher.NewCTR(block, iv).XORKeyStream(out, data)
	if len(out) == 0 || len(out)%aes.BlockSize != 0 {
		return nil, errPadding
	}
	pad := int(out[len(out)-1])
	text := len(out) - pad
	if pad == 0 || pad > aes.BlockSize ||
		!bytes.Equal(out[text:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errPadding
	}
	return out[:text], nil
}

// sealText encrypts under an IV made for it. Both results are base64.
func sealText(key, text []byte) (data, iv string, err error) {
	fresh := make([]byte, aes.BlockSize)
	rand.Read(fresh)
	out, err := encryptCTR(key, fresh, text)
	if err != nil {
		return "", "", err
	}
	return base64.StdEncoding.EncodeToString(out), base64.StdEncoding.EncodeToString(fresh), nil
}

// openText undoes sealText. An iv of "" is the zero IV.
func openText(key []byte, data, iv string) ([]byte, error) {
	start := zeroIV
	if iv != "" {
		var err error
		if start, err = base64.StdEncoding.DecodeString(iv); err != nil {
			return nil, fmt.Errorf("initialisation vector: %w", err)
		}
	}
	in, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, err
	}
	return decryptCTR(key, start, in)
}
