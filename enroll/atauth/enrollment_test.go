package atauth

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// talk connects to a peer that plays one script.
func talk(t *testing.T, script ...exchange) (*Client, func() []string) {
	t.Helper()
	o, asked := peer(t, script)
	c, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, asked
}

const listed = `data:{"7c1d.new.enrollments.__manage@alice":{"appName":"todos","deviceName":"desk","namespace":{"todos":"rw"},` +
	`"encryptedAPKAMSymmetricKey":"c3k=","apkamPublicKey":"MIIB","sessionId":"_4af2","metadata":{"a":1},"status":"approved","namespaces":{"todos":"rw"},` +
	`"requestType":"newEnrollment","approval":{"state":"approved"},"apkamKeysExpiryInMillis":3600000,"signingAlgo":"rsa2048",` +
	`"parentEnrollmentId":"0b9e","requestedAt":"2026-10-02T10:00:00.000Z","requestedFrom":"192.0.2.1","decidedAt":"2026-10-02T10:01:00.000Z",` +
	`"decidedBy":"0b9e","expiresAt":"2026-10-02T11:01:00.000Z"},` +
	`"0b9e.new.enrollments.__manage@alice":{"appName":"first","deviceName":"phone","status":"approved","namespaces":{"*":"rw","__manage":"rw"},` +
	`"apkamKeysExpiryInMillis":0,"requestedAt":"2026-10-01T10:00:00.000Z","expiresAt":null}}`

func TestList(t *testing.T) {
	c, asked := talk(t, exchange{"enroll:list", listed}, exchange{"enroll:list", listed})
	list, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour, minute int) time.Time { return time.Date(2026, 10, 2, hour, minute, 0, 0, time.UTC) }
	want := []Enrollment{{
		ID: "0b9e", App: "first", Device: "phone", Status: "approved",
		Namespaces: map[string]string{"*": "rw", "__manage": "rw"}, RequestedAt: at(10, 0).AddDate(0, 0, -1),
	}, {
		ID: "7c1d", App: "todos", Device: "desk", Status: "approved", Namespaces: map[string]string{"todos": "rw"},
		RequestType: "newEnrollment", Session: "_4af2", RequestedAt: at(10, 0), RequestedFrom: "192.0.2.1", Lifetime: 3600000,
		ExpiresAt: at(11, 1), DecidedAt: at(10, 1), DecidedBy: "0b9e", Parent: "0b9e",
		PublicKey: "MIIB", Algorithm: "rsa2048", Symmetric: "c3k=", Metadata: json.RawMessage(`{"a":1}`),
	}}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("got  %+v\nwant %+v", list, want)
	}
	if list, err := c.List(t.Context(), "pending", "denied"); err != nil || list == nil || len(list) != 0 {
		t.Errorf("none: %v, %v", list, err)
	}
	if got := asked(); got[0] != "enroll:list" || got[1] != `enroll:list:{"enrollmentStatusFilter":["pending","denied"]}` {
		t.Errorf("asked %q", got)
	}
}

func TestListRefuses(t *testing.T) {
	for _, reply := range []string{"data:hello", `data:["x"]`, `data:{"0b9e.new":{"requestedAt":"yesterday"}}`, "error:AT0401-Exception: no"} {
		c, _ := talk(t, exchange{"enroll:list", reply})
		if list, err := c.List(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "list enrollments: ") {
			t.Errorf("%s: %v, %v", reply, list, err)
		}
	}
}

// The reply of the protocol, section fetch, with the member of later releases.
func TestFetch(t *testing.T) {
	c, asked := talk(t, exchange{"enroll:fetch", `data:{"appName":"wavi","deviceName":"pixel","namespace":{"wavi":"rw"},` +
		`"encryptedAPKAMSymmetricKey":"c3k=","status":"pending","expiresAt":"2026-10-02T11:01:00.000Z"}`})
	e, err := c.Fetch(t.Context(), "0b9e")
	want := Enrollment{
		ID: "0b9e", App: "wavi", Device: "pixel", Namespaces: map[string]string{"wavi": "rw"}, Status: "pending",
		Symmetric: "c3k=", ExpiresAt: time.Date(2026, 10, 2, 11, 1, 0, 0, time.UTC),
	}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("got %+v, %v; want %+v", e, err, want)
	}
	if got := asked()[0]; got != `enroll:fetch:{"enrollmentId":"0b9e"}` {
		t.Errorf("asked %q", got)
	}
}
