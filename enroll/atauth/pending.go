package atauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"atserver/store/atkey"
)

// pendingFile is what is kept of a request while it waits, so that it outlives the
// process: JSON, under the passphrase of the key file to be, if that has one.
type pendingFile struct {
	Sign       atkey.Sign        `json:"atSign"`
	Enrollment string            `json:"enrollmentId"`
	App        string            `json:"appName"`
	Device     string            `json:"deviceName"`
	Namespaces map[string]string `json:"namespaces"`
	Lifetime   int64             `json:"apkamKeysExpiryInMillis,omitempty"`
	PKAM       string            `json:"apkamPrivateKey"`     // base64 PKCS #8
	Symmetric  string            `json:"apkamSymmetricKey"`   // base64
	Owner      string            `json:"encryptionPublicKey"` // base64 SubjectPublicKeyInfo
}

// WritePending writes a request that waits to a new file that only its owner may
// read. It returns an error that is fs.ErrExist if there is one.
func WritePending(path string, p Pending, passphrase []byte) error {
	if err := isFree(path); err != nil {
		return err
	}
	text, err := json.MarshalIndent(pendingFile{
		Sign: p.Options.Sign, Enrollment: p.Enrollment,
		App: p.Request.App, Device: p.Request.Device, Namespaces: p.Request.Namespaces, Lifetime: p.Request.Lifetime.Milliseconds(),
		PKAM: privateText(p.pkam), Symmetric: base64.StdEncoding.EncodeToString(p.symmetric), Owner: publicText(p.owner),
	}, "", "  ")
	if err == nil {
		text, err = seal(text, passphrase)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writePrivate(path, text)
}

// ReadPending reads what WritePending wrote. It asks for the passphrase only if the
// file has one, and returns ErrPassphrase if that is wrong; passphrase may be nil.
// The caller adds to the options how to reach the server.
func ReadPending(path string, passphrase func() ([]byte, error)) (Pending, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Pending{}, err
	}
	p, err := decodePending(text, passphrase)
	if err != nil {
		return Pending{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func decodePending(text []byte, passphrase func() ([]byte, error)) (Pending, error) {
	text, err := unseal(text, passphrase)
	if err != nil {
		return Pending{}, err
	}
	var f pendingFile
	if json.Unmarshal(text, &f) != nil || f.Enrollment == "" {
		return Pending{}, errors.New("not a request that waits")
	}
	p := Pending{Enrollment: f.Enrollment, Request: Request{
		App: f.App, Device: f.Device, Namespaces: f.Namespaces, Lifetime: time.Duration(f.Lifetime) * time.Millisecond,
	}}
	if p.Options.Sign, err = atkey.ParseSign(string(f.Sign)); err != nil {
		return Pending{}, fmt.Errorf("atSign: %w", err)
	}
	if p.pkam, err = parsePrivate(f.PKAM); err != nil {
		return Pending{}, fmt.Errorf("private key: %w", err)
	}
	if p.owner, err = parsePublic(f.Owner); err != nil {
		return Pending{}, fmt.Errorf("public key: %w", err)
	}
	if p.symmetric, err = base64.StdEncoding.DecodeString(f.Symmetric); err != nil || len(p.symmetric) != 32 {
		return Pending{}, errors.New("the symmetric key is missing or not 32 bytes of base64")
	}
	return p, nil
}
