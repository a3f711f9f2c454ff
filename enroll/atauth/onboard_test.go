package atauth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"atserver/verbs/wire"
)

const secret = "0123456789abcdef"

var (
	unknown = exchange{"lookup:publickey@alice", "error:AT0015-Exception: public:publickey@alice does not exist in keystore"}
	proven  = exchange{"cram:" + cramDigest(secret, challenge), "data:success"}
	granted = exchange{"enroll:request:{", `data:{"enrollmentId":"0b9e","status":"approved"}`}
	enrols  = []exchange{unknown, from, proven, granted}
	logs    = exchange{"pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:0b9e:", "data:success"}
	puts    = exchange{"update:public:publickey@alice MII", "data:3"}
	deletes = exchange{"delete:privatekey:at_secret", "data:-1"}
)

// The transcript of the protocol, section enroll, with the probe of the Dart client.
func TestOnboard(t *testing.T) {
	o, asked := peer(t, enrols, []exchange{from, logs, puts, deletes})
	var saved Keys
	k, err := Onboard(t.Context(), o, secret, "app", "device", func(k Keys) error {
		saved = k
		if n := len(asked()); n != len(enrols) {
			t.Errorf("saved after %d commands, want %d", n, len(enrols))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !sameKeys(k, saved) || k.Enrollment != "0b9e" || k.Sign != "@alice" || len(k.Self) != 32 || k.PKAM.Equal(k.Encryption) {
		t.Errorf("returned %v, saved %v", k, saved)
	}
	var request map[string]string
	if err := json.Unmarshal([]byte(strings.TrimPrefix(asked()[3], "enroll:request:")), &request); err != nil {
		t.Fatal(err)
	}
	if request["appName"] != "app" || request["deviceName"] != "device" || request["apkamPublicKey"] != publicText(&k.PKAM.PublicKey) || len(request) != 3 {
		t.Errorf("request %v", request)
	}
	if want := "update:public:publickey@alice " + publicText(&k.Encryption.PublicKey); asked()[6] != want {
		t.Errorf("published %q, want %q", asked()[6], want)
	}
	for _, line := range asked() {
		if strings.Contains(line, secret) || strings.Contains(line, privateText(k.PKAM)) || strings.Contains(line, privateText(k.Encryption)) {
			t.Errorf("a secret was sent in %.20q", line)
		}
	}
}

func TestBootstrapRefused(t *testing.T) {
	for name, c := range map[string]struct {
		script []exchange
		want   error
	}{
		"public key is there": {[]exchange{{"lookup:", "data:MIIB"}}, ErrOnboarded},
		"secret is gone":      {[]exchange{unknown, from, {"cram:", "error:AT0015-Exception: privatekey:at_secret does not exist in keystore"}}, ErrOnboarded},
		"secret is wrong":     {[]exchange{unknown, from, {"cram:", "error:AT0401-Exception: Authentication Failed"}}, nil},
		"server is ill":       {[]exchange{{"lookup:", "error:AT0024-Exception: Server is paused"}}, nil},
		"not approved":        {[]exchange{unknown, from, proven, {"enroll:", `data:{"enrollmentId":"0b9e","status":"pending"}`}}, nil},
		"no id":               {[]exchange{unknown, from, proven, {"enroll:", `data:{"status":"approved"}`}}, nil},
		"no JSON":             {[]exchange{unknown, from, proven, {"enroll:", `data:approved`}}, nil},
		"odd answer":          {[]exchange{unknown, from, {"cram:", "data:perhaps"}}, wire.ErrUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := peer(t, c.script)
			_, err := bootstrap(t.Context(), o, keysOf(t), secret, "app", "device")
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in %q", err)
			}
		})
	}
}

// When the keys cannot be kept they are not used: the CRAM secret stays good.
func TestOnboardStopsWhenKeysCannotBeSaved(t *testing.T) {
	o, asked := peer(t, enrols, []exchange{from})
	full := errors.New("disk is full")
	if _, err := Onboard(t.Context(), o, secret, "app", "device", func(Keys) error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if len(asked()) != len(enrols) {
		t.Errorf("went on after that: %q", asked()[len(enrols):])
	}
	if c, err := Dial(t.Context(), o); err == nil { // lets the peer end
		c.Close()
	}
}

func TestFinish(t *testing.T) {
	k := keysOf(t)
	k.Enrollment = "0b9e"
	o, _ := peer(t,
		[]exchange{from, logs, puts, deletes},
		[]exchange{from, {"pkam:", "error:AT0401-Exception: pkam authentication failed"}},
		[]exchange{from, logs, {"update:", "error:AT0011-Exception: disk is full"}},
		[]exchange{from, logs, puts, {"delete:", "error:AT0011-Exception: disk is full"}})
	if err := Finish(t.Context(), o, k); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"log in: ", "publish the public key: ", "delete the CRAM secret: "} {
		if err := Finish(t.Context(), o, k); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want one that begins %q", err, want)
		}
	}
}

// Keys of another server are let in as they are, under an id of this one.
func TestOnboardWithKeys(t *testing.T) {
	old := keysOf(t)
	o, asked := peer(t, enrols, []exchange{from, logs, puts, deletes})
	k, err := OnboardWith(t.Context(), o, old, secret, "app", "device", func(Keys) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if k.Enrollment != "0b9e" || old.Enrollment == k.Enrollment {
		t.Errorf("enrollments %q, %q", old.Enrollment, k.Enrollment)
	}
	if old.Enrollment = k.Enrollment; !sameKeys(k, old) {
		t.Errorf("returned %v, want the keys of %v", k, old)
	}
	if !strings.Contains(asked()[3], publicText(&old.PKAM.PublicKey)) || !strings.HasSuffix(asked()[6], " "+publicText(&old.Encryption.PublicKey)) {
		t.Errorf("asked %q", asked())
	}
}
