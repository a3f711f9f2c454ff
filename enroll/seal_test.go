package enroll

import (
	"bytes"
	"strings"
	"testing"
)

func TestSeal(t *testing.T) {
	one, err := newSealer([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	two, err := newSealer([32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{testSecret, "", "\x00ü"} {
		sealed := one.seal(secret)
		if bytes.Equal(sealed, one.seal(secret)) {
			t.Error("the same nonce twice")
		}
		if secret != "" && bytes.Contains(sealed, []byte(secret)) {
			t.Error("the secret is readable")
		}
		if got, err := one.open(sealed); err != nil || got != secret {
			t.Errorf("opened %q, %v", got, err)
		}
		broken := bytes.Clone(sealed)
		broken[len(broken)-1] ^= 1
		for name, c := range map[string]struct {
			by     sealer
			sealed []byte
		}{"by another key": {two, sealed}, "one bit": {one, broken}, "cut": {one, sealed[:len(sealed)-1]}, "short": {one, sealed[:5]}, "nothing": {one, nil}} {
			if got, err := c.by.open(c.sealed); err == nil || got != "" || secret != "" && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: opened %q, %v", name, got, err)
			}
		}
	}
}
