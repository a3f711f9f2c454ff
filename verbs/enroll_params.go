package verbs

import (
	"encoding/json"
	"fmt"
	"strings"

	"atserver/enroll"
)

// enrollParams are the members of the JSON that enroll takes. Unknown ones are
// ignored.
type enrollParams struct {
	AppName                              string            `json:"appName"`
	DeviceName                           string            `json:"deviceName"`
	APKAMPublicKey                       string            `json:"apkamPublicKey"`
	SigningAlgo                          string            `json:"signingAlgo"`
	Namespaces                           map[string]string `json:"namespaces"`
	EncryptedAPKAMSymmetricKey           string            `json:"encryptedAPKAMSymmetricKey"`
	EncryptedDefaultEncryptionPrivateKey string            `json:"encryptedDefaultEncryptionPrivateKey"`
	EncPrivateKeyIV                      string            `json:"encPrivateKeyIV"`
	EncryptedDefaultSelfEncryptionKey    string            `json:"encryptedDefaultSelfEncryptionKey"`
	SelfEncKeyIV                         string            `json:"selfEncKeyIV"`
	APKAMKeysExpiryInMillis              int64             `json:"apkamKeysExpiryInMillis"`
	Metadata                             json.RawMessage   `json:"metadata"`
	Apsk                                 json.RawMessage   `json:"apsk"`
	ApskLegacy                           string            `json:"apskLegacy"`
	APKAMPublicKeySignature              string            `json:"apkamPublicKeySignature"`
	OTP                                  string            `json:"otp"`
	EnrollmentID                         string            `json:"enrollmentId"`
	EnrollmentStatusFilter               []string          `json:"enrollmentStatusFilter"`
}

// maxEnrollParams bounds the record of one enrollment, in bytes.
const maxEnrollParams = 500 * 1024

// enrollParams consumes ":{...}" to the end.
func (l *line) enrollParams() (p enrollParams, err error) {
	l.take(":force") // without effect but on enroll:revoke
	l.take(":")
	raw := l.all()
	if raw == "" {
		return p, illegal("Enroll parameters not provided")
	}
	if !strings.HasPrefix(raw, "{") {
		return p, errSyntax
	}
	if err := unmarshal([]byte(raw), &p, "the JSON of enroll"); err != nil {
		return p, err
	}
	if len(raw) > maxEnrollParams {
		return p, illegal(fmt.Sprintf(
			"enroll params are %d bytes encoded, which exceeds the %d byte enrollment record limit", len(raw), maxEnrollParams))
	}
	for _, member := range []*json.RawMessage{&p.Metadata, &p.Apsk} {
		if string(*member) == "null" {
			*member = nil
		}
	}
	p.EnrollmentID = enroll.FoldID(p.EnrollmentID)
	return p, nil
}
