package enroll

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// sealer keeps small secrets of the server unreadable in whatever file they end
// up in: AES-256-GCM (NIST SP 800-38D) under a key of its own, so that they stay
// closed even where the storage encryption is off.
type sealer struct{ aead cipher.AEAD }

func newSealer(key [32]byte) (sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return sealer{}, fmt.Errorf("sealing key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("sealing key: %w", err)
	}
	return sealer{aead}, nil
}

func (s sealer) seal(secret string) []byte {
	return s.aead.Seal(nil, nil, []byte(secret), nil)
}

func (s sealer) open(sealed []byte) (string, error) {
	secret, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return "", errors.New("a sealed secret does not open: it was made with another root secret")
	}
	return string(secret), nil
}
