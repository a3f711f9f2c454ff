package verbs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"atserver/store/atkey"
)

// TestReadsJSON: errors are JSON for clients above 3.0.37, by the rules of
// semantic versions and not of text (protocol auth §2.1).
func TestReadsJSON(t *testing.T) {
	for version, want := range map[string]bool{
		`"3.0.38"`: true, `"3.0.57"`: true, `"3.3.0"`: true, `"3.10.0"`: true, `"3.1.0"`: true, `"4.0.0"`: true, `"10.0.0"`: true, `"3.0.100"`: true,
		`"3.0.38-beta.1"`: true, `"3.0.38+7"`: true, `"3.15.0-rc1"`: true,
		`"3.0.37"`: false, `"3.0.9"`: false, `"3.0.36"`: false, `"2.99.99"`: false, `"0.0.0"`: false, `"3.0.37-beta"`: false, `"3.0.37+99"`: false,
		`""`: false, `"3"`: false, `"3.1"`: false, `"3.1.0.0"`: false, `"x.y.z"`: false, `"v3.1.0"`: false, `"3.0.x"`: false, `"3.-1.0"`: false,
		`" 3.1.0"`: false, `"99999999999999999999.0.0"`: false, `3.1`: false, `null`: false, `{}`: false, `true`: false,
	} {
		if got, err := readsJSON(`{"version":` + version + `,"clientId":"x"}`); err != nil || got != want {
			t.Errorf("version %s: %v, %v", version, got, err)
		}
	}
	if got, err := readsJSON(`{"clientId":"x"}`); err != nil || got {
		t.Errorf("no version: %v, %v", got, err)
	}
	for _, config := range []string{`{x}`, `{"version":}`, `{"version":"3.1.0"`, `{"version":"3.1.0"}}`, `{"a":1,}`} {
		if _, err := readsJSON(config); err == nil {
			t.Errorf("%s is taken", config)
		}
	}
}

func TestFrom(t *testing.T) {
	w := newWorld(t)
	a := w.stranger()
	for _, line := range []string{"from:@alice", "from:alice", "FROM:@Al.ice", `from:@alice:clientConfig:{"version":"3.0.37"}`, "f r o m:@alice"} {
		sent, end := a.exec(line)
		if !strings.HasPrefix(sent, "data:"+a.ID+"@alice:") || !strings.HasSuffix(sent, "\n@") || end {
			t.Errorf("%s: %q", line, sent)
		}
	}
	for _, line := range []string{"from:@bob", "from:B.ob", `from:bob:clientConfig:{"a":1}`} {
		if sent, _ := a.exec(line); !strings.HasPrefix(sent, "data:proof:"+a.ID+"@bob:") || !strings.HasSuffix(sent, "\n@") {
			t.Errorf("%s: %q", line, sent)
		}
	}
	const usage = "error:AT0003-Exception: Invalid syntax. e.g. from:@alice\n@"
	for _, line := range []string{
		"from:", "from:@", "from:@@alice", "from:@al ice", "from:@alice@bob", "from:@alice:", "from:@alice:x", "from:@alice:clientConfig:",
		"from:@alice:clientConfig:{}", `from:@alice:clientConfig:["version"]`, `from:@alice:clientConfig:{"a":1} `, "from:@alice\u3000",
	} {
		a.says(line, usage)
	}
	a.ends("from:@al#ice", "error:AT0011-Exception: invalid @sign: Cannot contain !*'`();:&=+$,/?#[]{} characters\n@")
	a.ends("from:@alice:clientConfig:{\"version\":}", "error:AT0011-Exception: Exception: clientConfig is malformed\n@")
}

// TestFromAnnouncesJSON: it holds for the rest of the connection, from the error
// of this very command on, and a from that says nothing of it changes nothing.
func TestFromAnnouncesJSON(t *testing.T) {
	a := newWorld(t).stranger()
	const plain = "error:AT0003-Exception: invalid command\n@"
	const json = `error:{"errorCode":"AT0003","errorDescription":"Exception: invalid command"}` + "\n@"
	a.says("x", plain)
	a.ends(`from:#:clientConfig:{"version":"3.3.0"}`,
		`error:{"errorCode":"AT0011","errorDescription":"Exception: invalid @sign: Cannot contain !*'`+"`"+`();:&=+$,/?#[]{} characters"}`+"\n@")
	a.says("x", json)
	a.challenge()
	a.says("x", json)
	a.exec(`from:@alice:clientConfig:{"version":"3.0.37"}`)
	a.says("x", plain)
}

// TestFromPeer: what a connection claims is judged before it counts.
func TestFromPeer(t *testing.T) {
	a := newWorld(t).stranger()
	var asked []atkey.Sign
	var verdict error
	a.CheckPeer = func(_ context.Context, sign atkey.Sign) error {
		asked = append(asked, sign)
		return verdict
	}
	a.challenge()
	if asked != nil {
		t.Errorf("asked about the owner's own apps: %v", asked)
	}
	verdict = ErrPeerCertificate
	a.says("from:@bob", "error:AT0401-Exception: Certificate Verification Failed\n@")
	verdict = ErrNoAddress("@carol")
	a.says("from:carol", "error:AT0007-Exception: Unable to find secondary address for atSign:@carol\n@")
	verdict = errors.New("dial tcp 192.0.2.1: refused")
	a.ends("from:@dave", "error:AT0011-Exception: Exception: internal failure\n@")
	if a.claimed != "" {
		t.Errorf("a claim that failed counts: %s", a.claimed)
	}
	verdict = nil
	if sent, _ := a.exec("from:@bob"); !strings.HasPrefix(sent, "data:proof:") || a.claimed != "@bob" {
		t.Errorf("%q, claims %s", sent, a.claimed)
	}
	if len(asked) != 4 || asked[1] != "@carol" {
		t.Errorf("asked about %v", asked)
	}
}
