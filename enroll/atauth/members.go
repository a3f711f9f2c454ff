package atauth

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"atserver/store/atkey"
)

// The members of a key file that we know. Those that begin with "aes" hold
// base64(AES-256-CTR(self key, zero IV, base64 DER)). A further member named
// after the atSign repeats the self key; the Dart tools write it.
const (
	memberPKAMPublic        = "aesPkamPublicKey"
	memberPKAMPrivate       = "aesPkamPrivateKey"
	memberEncryptionPublic  = "aesEncryptPublicKey"
	memberEncryptionPrivate = "aesEncryptPrivateKey"
	memberSelf              = "selfEncryptionKey"
	memberAPKAMSymmetric    = "apkamSymmetricKey"
	memberEnrollment        = "enrollmentId"
)

func decodeKeys(text []byte, passphrase func() ([]byte, error)) (Keys, error) {
	text, err := unseal(text, passphrase)
	if err != nil {
		return Keys{}, err
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return Keys{}, errors.New("not a key file")
	}
	return keysFrom(members)
}

func keysFrom(members map[string]json.RawMessage) (k Keys, err error) {
	take := func(name string) (text string) {
		if raw, found := members[name]; found && json.Unmarshal(raw, &text) == nil {
			delete(members, name)
		}
		return text
	}
	self := take(memberSelf)
	if k.Self, err = base64.StdEncoding.DecodeString(self); err != nil || len(k.Self) != 32 {
		return Keys{}, fmt.Errorf("%s is missing or not 32 bytes of base64", memberSelf)
	}
	if k.PKAM, err = openPrivate(k.Self, take(memberPKAMPrivate)); err != nil {
		return Keys{}, fmt.Errorf("%s: %w", memberPKAMPrivate, err)
	}
	if k.Encryption, err = openPrivate(k.Self, take(memberEncryptionPrivate)); err != nil {
		return Keys{}, fmt.Errorf("%s: %w", memberEncryptionPrivate, err)
	}
	if text := take(memberAPKAMSymmetric); text != "" {
		if k.APKAMSymmetric, err = base64.StdEncoding.DecodeString(text); err != nil {
			return Keys{}, fmt.Errorf("%s is not base64", memberAPKAMSymmetric)
		}
	}
	k.Enrollment = take(memberEnrollment)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var text string
		sign, err := atkey.ParseSign(name)
		if err == nil && name[0] == '@' && json.Unmarshal(members[name], &text) == nil && text == self {
			k.Sign = sign
			delete(members, name)
			break
		}
	}
	take(memberPKAMPublic) // both are derived from the private halves
	take(memberEncryptionPublic)
	k.other = members
	return k, nil
}

func openPrivate(self []byte, text string) (*rsa.PrivateKey, error) {
	if text == "" {
		return nil, errors.New("missing")
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64")
	}
	if data, err = decryptCTR(self, zeroIV, data); err != nil {
		return nil, err
	}
	return parsePrivate(string(data))
}

func encodeKeys(k Keys, passphrase []byte) ([]byte, error) {
	self := base64.StdEncoding.EncodeToString(k.Self)
	members := map[string]string{memberSelf: self}
	for name, text := range map[string]string{
		memberPKAMPublic:        publicText(&k.PKAM.PublicKey),
		memberPKAMPrivate:       privateText(k.PKAM),
		memberEncryptionPublic:  publicText(&k.Encryption.PublicKey),
		memberEncryptionPrivate: privateText(k.Encryption),
	} {
		data, err := encryptCTR(k.Self, zeroIV, []byte(text))
		if err != nil {
			return nil, err
		}
		members[name] = base64.StdEncoding.EncodeToString(data)
	}
	if k.Sign != "" {
		members[string(k.Sign)] = self
	}
	if k.Enrollment != "" {
		members[memberEnrollment] = k.Enrollment
	}
	if k.APKAMSymmetric != nil {
		members[memberAPKAMSymmetric] = base64.StdEncoding.EncodeToString(k.APKAMSymmetric)
	}
	all := maps.Clone(k.other)
	if all == nil {
		all = make(map[string]json.RawMessage)
	}
	for name, text := range members {
		quoted, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		all[name] = quoted
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	return seal(text, passphrase)
}
