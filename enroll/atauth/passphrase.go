package atauth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf16"

	"golang.org/x/crypto/argon2"
)

// envelope wraps a whole key file under a passphrase, in the form of the Dart
// tools (at_auth, AtKeysPassphraseEnvelopeCodec): content is AES-256-CTR with
// PKCS #7 of the JSON text, under the Argon2id hash of the passphrase.
//
// Known weaknesses, kept because only this form opens in the Dart tools: the
// salt is the passphrase itself, so equal passphrases give equal keys and a
// table of guesses serves against every file; 10,000 KiB and two passes are
// little; nothing is authenticated. A long passphrase makes up for the first
// two, and a change of the file only makes it unreadable.
type envelope struct {
	Content []byte `json:"content"`
	IV      []byte `json:"iv"`
	Hash    string `json:"hashingAlgoType"`
}

// ErrPassphrase is returned for a passphrase that does not open a key file.
var ErrPassphrase = errors.New("the passphrase does not open this key file")

// passphraseKey derives the key of an envelope. The salt is the low bytes of the
// passphrase's UTF-16 code units while the secret is its UTF-8 bytes.
func passphraseKey(passphrase []byte) []byte {
	units := utf16.Encode([]rune(string(passphrase)))
	salt := make([]byte, len(units))
	for i, u := range units {
		salt[i] = byte(u)
	}
	return argon2.IDKey(passphrase, salt, 2, 10_000, 2, 32)
}

// seal wraps the text of a file, unless the passphrase has length 0.
func seal(text, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return text, nil
	}
	e := envelope{IV: make([]byte, 16), Hash: "argon2id"}
	rand.Read(e.IV)
	var err error
	if e.Content, err = encryptCTR(passphraseKey(passphrase), e.IV, text); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

// unseal returns the text of a file, asking for the passphrase if it has one.
func unseal(text []byte, passphrase func() ([]byte, error)) ([]byte, error) {
	var e envelope
	if json.Unmarshal(text, &e) != nil || e.IV == nil {
		return text, nil
	}
	if passphrase == nil {
		return nil, errors.New("the file is protected by a passphrase")
	}
	secret, err := passphrase()
	if err != nil {
		return nil, err
	}
	return e.open(secret)
}

func (e envelope) open(passphrase []byte) ([]byte, error) {
	if e.Hash != "argon2id" {
		return nil, fmt.Errorf("passphrase hash %q is not supported, only argon2id", e.Hash)
	}
	text, err := decryptCTR(passphraseKey(passphrase), e.IV, e.Content)
	if err != nil || !json.Valid(text) {
		return nil, ErrPassphrase
	}
	return text, nil
}
