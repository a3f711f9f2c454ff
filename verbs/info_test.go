package verbs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "0 seconds",
		999 * time.Millisecond:         "0 seconds",
		59 * time.Second:               "59 seconds",
		time.Minute:                    "1 minutes 0 seconds",
		time.Hour:                      "1 hours 0 minutes 0 seconds",
		time.Hour + time.Second:        "1 hours 0 minutes 1 seconds",
		24*time.Hour - time.Second:     "23 hours 59 minutes 59 seconds",
		24 * time.Hour:                 "1 days 0 hours 0 minutes 0 seconds",
		26*time.Hour + 184*time.Second: "1 days 2 hours 3 minutes 4 seconds",
		400 * 24 * time.Hour:           "400 days 0 hours 0 minutes 0 seconds",
	} {
		if got := words(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestInfo(t *testing.T) {
	w := newWorld(t, rootApp)
	w.move(26*time.Hour + 184*time.Second)
	for line, want := range map[string]string{
		"info":       `data:{"version":"3.0.52","uptimeAsWords":"1 days 2 hours 3 minutes 4 seconds","features":[`,
		"INFO:BRIEF": `data:{"version":"3.0.52","uptimeAsMillis":93784000,"features":[`,
		"info:":      "error:AT0003-Exception: invalid command",
		"info:x":     "error:AT0003-Exception: invalid command",
		"info brief": "error:AT0003-Exception: invalid command",
	} {
		if sent, end := w.stranger().exec(line); !strings.HasPrefix(sent, want) || end {
			t.Errorf("%s: %q", line, sent)
		}
	}
	w.move(-100 * time.Hour) // started in the future
	if sent, _ := w.stranger().exec("info:brief"); !strings.Contains(sent, `"uptimeAsMillis":0,`) {
		t.Errorf("%q", sent)
	}
}

// TestInfoOfEnrollment: an app learns what is on record about it, and only it.
func TestInfoOfEnrollment(t *testing.T) {
	w := newWorld(t, &enroll.Enrollment{
		ID: "7c", App: "wavi", Device: `pi"xel`, Grants: enroll.Grants{"wavi": "rw", "buzz": "r"}, Stored: enroll.Approved,
		Key: "MIIB", SymmetricKey: "c3lt", Session: "_s", Lifetime: time.Hour,
	})
	sent, _ := w.app("7c").exec("info")
	var got struct {
		Metadata map[string]any `json:"apkam_metadata"`
	}
	payload := sent[len("data:") : len(sent)-len("\n@alice@")]
	if err := json.Unmarshal([]byte(payload), &got); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	raw, _ := json.Marshal(got.Metadata)
	const want = `{"apkamKeysExpiryInMillis":3600000,"apkamPublicKey":"MIIB","appName":"wavi","approval":{"state":"approved"},` +
		`"deviceName":"pi\"xel","encryptedAPKAMSymmetricKey":"c3lt","namespaces":{"buzz":"r","wavi":"rw"},"requestType":"newEnrollment","sessionId":"_s"}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	for _, a := range []*actor{w.stranger(), w.peer("@bob")} {
		if sent, _ := a.exec("info"); strings.Contains(sent, "apkam_metadata") {
			t.Errorf("%q", sent)
		}
	}
}
