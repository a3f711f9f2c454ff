package atauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"atserver/verbs/wire"
)

var todos = Request{App: "todos", Device: "desk", Namespaces: map[string]string{"todos": "rw", "notes": "r"}, OTP: "K4XQ7B"}

func published(t *testing.T) exchange {
	return exchange{"lookup:publickey@alice", "data:" + publicText(&keysOf(t).Encryption.PublicKey)}
}

var taken = exchange{"enroll:request:{", `data:{"enrollmentId":"0b9e","status":"pending"}`}

// The transcript of the protocol, section enroll: no login comes before it.
func TestSubmit(t *testing.T) {
	o, asked := peer(t, []exchange{published(t), taken}, []exchange{published(t), taken})
	p, err := Submit(t.Context(), o, todos)
	if err != nil {
		t.Fatal(err)
	}
	want := todos
	want.OTP = ""
	if p.Enrollment != "0b9e" || p.Options != o || !reflect.DeepEqual(p.Request, want) {
		t.Errorf("pending: %v", p)
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(asked()[1], "enroll:request:")), &sent); err != nil {
		t.Fatal(err)
	}
	symmetric, err := openSymmetric(keysOf(t).Encryption, fmt.Sprint(sent["encryptedAPKAMSymmetricKey"]))
	if err != nil || !bytes.Equal(symmetric, p.symmetric) {
		t.Errorf("the owner gets another symmetric key: %v", err)
	}
	delete(sent, "encryptedAPKAMSymmetricKey")
	if want := map[string]any{
		"appName": "todos", "deviceName": "desk", "namespaces": map[string]any{"todos": "rw", "notes": "r"},
		"otp": "K4XQ7B", "apkamPublicKey": publicText(&p.pkam.PublicKey),
	}; !reflect.DeepEqual(sent, want) {
		t.Errorf("sent %v, want %v", sent, want)
	}

	long := todos
	long.Lifetime = 36 * time.Hour
	if _, err := Submit(t.Context(), o, long); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(asked()[3], `"apkamKeysExpiryInMillis":129600000`) {
		t.Error("the lifetime was not asked for")
	}
}

func TestSubmitRefused(t *testing.T) {
	t.Parallel()
	small := "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7JHoJfg6yNzLMOWet8Z49a4KD0dCspMAYvo2YAMB7/wdEycocujbhJ2n/seONi+5XqTqqFkM5VBl8rmkkFPZk/7x0xmdsTPECSWnHK+HhoaNDFPR3j8jQhVo1laxiqcEhAHegi5cwtFosuJAvSKAFKEvyD43si00DQnXWrYHAEQIDAQAB"
	for name, c := range map[string]struct {
		script []exchange
		want   error
	}{
		"nobody there yet":   {[]exchange{{"lookup:", "error:AT0015-Exception: public:publickey@alice does not exist in keystore"}}, ErrNotOnboarded},
		"server is ill":      {[]exchange{{"lookup:", "error:AT0011-Exception: disk is full"}}, nil},
		"key is no key":      {[]exchange{{"lookup:", "data:hello"}}, nil},
		"key is too short":   {[]exchange{{"lookup:", "data:" + small}}, nil},
		"passcode":           {[]exchange{published(t), {"enroll:", "error:AT0022-Exception: invalid otp. Cannot process enroll request"}}, ErrPasscode},
		"passcode, 2024":     {[]exchange{published(t), {"enroll:", "error:AT0011-Exception: invalid otp. Cannot process enroll request"}}, ErrPasscode},
		"too many":           {[]exchange{published(t), {"enroll:", "error:AT0028-Exception: Enrollment requests have exceeded the limit"}}, nil},
		"asked for before":   {[]exchange{published(t), {"enroll:", "error:AT0032-Exception: Another enrollment with id 7c1d exists"}}, nil},
		"no id":              {[]exchange{published(t), {"enroll:", `data:{"status":"pending"}`}}, wire.ErrUnexpected},
		"an answer, no JSON": {[]exchange{published(t), {"enroll:", "data:pending"}}, wire.ErrUnexpected},
	} {
		o, _ := peer(t, c.script)
		_, err := Submit(t.Context(), o, todos)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), todos.OTP) {
			t.Errorf("%s: the passcode is in %q", name, err)
		}
	}
}

func TestRequestsAreNotPrinted(t *testing.T) {
	p := pendingOf(t, Options{Sign: "@alice"})
	p.Request.OTP = "K4XQ7B"
	p.symmetric = []byte("SYMMETRICSYMMETRICSYMMETRICSYMME")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, text := range []string{fmt.Sprintf(verb, p), fmt.Sprintf(verb, p.Request), fmt.Sprintf(verb, []Pending{p})} {
			if strings.Contains(text, "K4XQ7B") || strings.Contains(text, "SYMM") || strings.Contains(text, "83, 89") {
				t.Errorf("%s shows a secret: %s", verb, text)
			}
		}
	}
}
