package atauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Value is what an update command says: metadata fragments, each with its leading
// colon, and the text of the value, one line.
type Value struct{ Fragments, Text string }

// ErrEmpty refuses a public value without a byte: the protocol has no such thing.
var ErrEmpty = errors.New("a public value cannot be empty")

// Seal encrypts a value that only the owner may read: base64 of AES-256-CTR under
// the self key with a fresh ivNonce.
//
// The IV is the choice of today's Python and Java SDKs. Releases from before it
// read only the zero IV, under which two values betray each other (see zeroIV);
// they are not catered for. Unlike those SDKs we sign nothing here: the
// dataSignature of a secret lets everybody who sees the record test guesses.
func (k Keys) Seal(value []byte) (Value, error) { return sealValue(k.Self, value) }

func sealValue(key, value []byte) (Value, error) {
	text, binary := asText(value)
	data, iv, err := sealText(key, []byte(text))
	if err != nil {
		return Value{}, fmt.Errorf("encrypt value: %w", err)
	}
	return Value{
		Fragments: fmt.Sprintf(":isBinary:%t:isEncrypted:true:ivNonce:%s", binary, iv),
		Text:      data,
	}, nil
}

// Publish signs a value that everybody may read. A text that would not survive on
// one line (line feeds, blanks at an end) travels as base64, which "encoding"
// says; the signature is of the text before that, as in the Dart SDK.
func (k Keys) Publish(value []byte) (Value, error) {
	if len(value) == 0 {
		return Value{}, ErrEmpty
	}
	text, binary := asText(value)
	signature, err := sign(k.Encryption, text)
	if err != nil {
		return Value{}, err
	}
	v := Value{
		Fragments: fmt.Sprintf(":dataSignature:%s:isBinary:%t:isEncrypted:false", signature, binary),
		Text:      text,
	}
	if strings.ContainsAny(text, "\n\r\x00") || strings.TrimFunc(text, isEdge) != text {
		v.Fragments += ":encoding:base64"
		v.Text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return v, nil
}

// isEdge tells what a server may cut off the ends of a line.
func isEdge(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' }

func asText(value []byte) (text string, binary bool) {
	if utf8.Valid(value) {
		return string(value), false
	}
	return encodeBase2e15(value), true
}

// Record is the reply to a lookup with "all".
type Record struct {
	Key  string          `json:"key"`
	Data *string         `json:"data"` // nil: the record has no value
	Meta json.RawMessage `json:"metaData"`
}

// Open returns the value of a record of the owner's own, or of a public one:
// decrypted and decoded as its metadata say. A record without a value is empty.
func (k Keys) Open(r Record) ([]byte, error) { return open(k.Self, r) }

func open(key []byte, r Record) ([]byte, error) {
	var meta struct {
		IsEncrypted, IsBinary bool
		IVNonce, Encoding     string
	}
	if err := json.Unmarshal(r.Meta, &meta); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", r.Key, err)
	}
	if r.Data == nil {
		return nil, nil
	}
	text := []byte(*r.Data)
	var err error
	switch {
	case meta.IsEncrypted:
		if text, err = openText(key, *r.Data, meta.IVNonce); err != nil {
			return nil, fmt.Errorf("decrypt %s: %w", r.Key, err)
		}
	case meta.Encoding == "base64":
		if text, err = base64.StdEncoding.DecodeString(*r.Data); err != nil {
			return nil, fmt.Errorf("decode %s: %w", r.Key, err)
		}
	}
	if meta.IsBinary {
		// Some clients set isBinary for text of a form of their own; that is
		// handed on as it is.
		if data, err := decodeBase2e15(string(text)); err == nil {
			return data, nil
		}
	}
	return text, nil
}
