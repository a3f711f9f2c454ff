package atauth

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"atserver/verbs/wire"
)

// The commands are those that the Dart SDK sends, to the letter.
func TestPasscodes(t *testing.T) {
	c, asked := talk(t,
		exchange{"otp:get", "data:K4XQ7B"}, exchange{"otp:get", "data:K4XQ7C"}, exchange{"otp:put", "data:ok"}, exchange{"otp:put", "data:ok"})
	if code, err := c.OTP(t.Context(), 0); err != nil || code != "K4XQ7B" {
		t.Errorf("%q, %v", code, err)
	}
	if code, err := c.OTP(t.Context(), 5*time.Minute); err != nil || code != "K4XQ7C" {
		t.Errorf("%q, %v", code, err)
	}
	if err := c.SetPasscode(t.Context(), "ABC123", time.Hour); err != nil {
		t.Error(err)
	}
	if err := c.SetPasscode(t.Context(), "HELLO_1", 0); err != nil {
		t.Error(err)
	}
	if want := []string{"otp:get", "otp:get:ttl:300000", "otp:put:ABC123:ttl:3600000", "otp:put:HELLO_1"}; !slices.Equal(asked(), want) {
		t.Errorf("asked %q, want %q", asked(), want)
	}
	for _, code := range []string{"", "ABC12", "ABC 123", "ABC123:ttl:1", "ÄBC123", "ABC123\n"} {
		if err := c.SetPasscode(t.Context(), code, 0); !errors.Is(err, ErrPasscodeForm) {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestApprove(t *testing.T) {
	owner, app := keysOf(t), pendingOf(t, Options{})
	sealed, err := sealSymmetric(app.owner, app.symmetric)
	if err != nil {
		t.Fatal(err)
	}
	fetched := exchange{`enroll:fetch:{"enrollmentId":"0b9e"}`, `data:{"appName":"todos","deviceName":"desk","encryptedAPKAMSymmetricKey":"` + sealed + `","status":"pending"}`}
	c, asked := talk(t, fetched, exchange{"enroll:approve:", `data:{"status":"approved","enrollmentId":"0b9e"}`})
	if err := c.Approve(t.Context(), owner, "0b9e"); err != nil {
		t.Fatal(err)
	}
	var sent map[string]string
	if err := json.Unmarshal([]byte(strings.TrimPrefix(asked()[1], "enroll:approve:")), &sent); err != nil {
		t.Fatal(err)
	}
	if len(sent) != 5 || sent["enrollmentId"] != "0b9e" {
		t.Errorf("sent %v", sent)
	}
	k := Keys{Sign: owner.Sign, Enrollment: owner.Enrollment, PKAM: owner.PKAM, APKAMSymmetric: app.symmetric}
	err = k.unwrap(
		wrappedKey{sent["encryptedDefaultEncryptionPrivateKey"], sent["encPrivateKeyIV"]},
		wrappedKey{sent["encryptedDefaultSelfEncryptionKey"], sent["selfEncKeyIV"]}, app.owner)
	owner.APKAMSymmetric = app.symmetric
	if err != nil || !sameKeys(k, owner) {
		t.Errorf("the app gets %v, %v", k, err)
	}
}

func TestApproveRefuses(t *testing.T) {
	for name, script := range map[string][]exchange{
		"unknown":         {{"enroll:fetch", "error:AT0015-key not found : x does not exist in keystore"}},
		"no JSON":         {{"enroll:fetch", "data:hello"}},
		"no key":          {{"enroll:fetch", `data:{"appName":"todos","deviceName":"desk","status":"pending"}`}},
		"key of somebody": {{"enroll:fetch", `data:{"appName":"todos","deviceName":"desk","encryptedAPKAMSymmetricKey":"AAAA","status":"pending"}`}},
	} {
		c, _ := talk(t, script...)
		if err := c.Approve(t.Context(), keysOf(t), "0b9e"); err == nil {
			t.Errorf("%s: approved", name)
		}
	}
}

func TestDecisions(t *testing.T) {
	ctx := t.Context()
	for line, c := range map[string]struct {
		decide func(*Client) ([]string, error)
		reply  string
		fallen []string
	}{
		`enroll:deny:{"enrollmentId":"0b9e"}`: {
			func(c *Client) ([]string, error) { return nil, c.Deny(ctx, "0b9e") }, `{"status":"denied","enrollmentId":"0b9e"}`, nil},
		`enroll:revoke:{"enrollmentId":"0b9e"}`: {
			func(c *Client) ([]string, error) { return c.Revoke(ctx, "0b9e", false) },
			`{"status":"revoked","enrollmentId":"0b9e","cascadedEnrollmentIds":["1","2"]}`, []string{"1", "2"}},
		`enroll:revoke:force:{"enrollmentId":"0b9e"}`: {
			func(c *Client) ([]string, error) { return c.Revoke(ctx, "0b9e", true) },
			`{"status":"revoked","enrollmentId":"0b9e","message":"Enrollment is revoked. Closing the connection in 10 seconds"}`, nil},
		`enroll:unrevoke:{"enrollmentId":"0b9e"}`: {
			func(c *Client) ([]string, error) { return nil, c.Unrevoke(ctx, "0b9e") }, `{"status":"approved","enrollmentId":"0b9e"}`, nil},
		`enroll:delete:{"enrollmentId":"0b9e"}`: {
			func(c *Client) ([]string, error) { return nil, c.Delete(ctx, "0b9e") }, `{"enrollmentId":"0b9e","status":"deleted"}`, nil},
	} {
		client, asked := talk(t, exchange{line, "data:" + c.reply}, exchange{line, `data:{"status":"pending"}`}, exchange{line, "error:AT0032-Illegal state : no"})
		if fallen, err := c.decide(client); err != nil || !slices.Equal(fallen, c.fallen) {
			t.Errorf("%s: %q, %v", line, fallen, err)
		}
		if got := asked()[0]; got != line {
			t.Errorf("asked %q, want %q", got, line)
		}
		if _, err := c.decide(client); !errors.Is(err, wire.ErrUnexpected) {
			t.Errorf("%s: another status: %v", line, err)
		}
		var refused *wire.Error
		if _, err := c.decide(client); !errors.As(err, &refused) {
			t.Errorf("%s: refused: %v", line, err)
		}
	}
}
