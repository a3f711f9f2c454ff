package peer

import (
	"encoding/base64"
	"strings"
	"testing"

	"atserver/store/atkey"
)

// TestRelayedChallenge: a peer that passes on the challenge of another verifier, to be @alice there, gets no signature.
func TestRelayedChallenge(t *testing.T) {
	t.Parallel()
	a, keys := newAuthority(t), &shelf{}
	eve := newStub(t, a.issue("localhost"), good("@eve", keys, challengeBy("@bob")))
	w := newWorldWith(t, a, map[atkey.Sign]string{"@eve": eve.addr}, func(o *Options) { o.Keys = keys })
	w.fails("@eve", true, "scan", NoProof)
	if keys.size() != 0 {
		t.Error("the challenge of another verifier was signed")
	}
	for _, said := range eve.heard() {
		if strings.Contains(strings.Join(said, " "), "pol") {
			t.Errorf("said %q", said)
		}
	}
}

func TestReadProof(t *testing.T) {
	t.Parallel()
	good := "proof:" + sid + "@alice:"
	uuid := "0f8fad5b-d9cb-469f-a165-70867728950e"
	code := func(json string) string { return "pol1." + base64.URLEncoding.EncodeToString([]byte(json)) }
	for _, reply := range []string{
		good + uuid, good + " " + uuid + "\r", good + challengeBy("@bob"), good + challengeBy("BOB"),
		good + strings.TrimRight(challengeBy("@bob"), "="),
		good + code(`{"v":"@bob","n":"x","alg":null}`), good + code(`{"v":"@bob","n":"x","alg":7}`), good + code(`{"v":"@bob","n":"x","alg":"rsa"}`),
	} {
		cookie, challenge, err := readProof(reply, "@alice", "@bob")
		if err != nil || cookie.String() != "public:"+sid+"@alice" || challenge != strings.TrimSpace(reply[len(good):]) {
			t.Errorf("%q: %v, %q, %v", reply, cookie, challenge, err)
		}
	}
	for _, reply := range []string{
		"", "proof", sid + "@alice:" + uuid, good + uuid + ":x", "data:" + good + uuid, good, good + "  ", good + strings.Repeat("x", maxChallenge+1),
		"proof:" + sid + "@bob:" + uuid,
		"proof:@alice:" + uuid, "proof:_@alice:" + uuid, "proof:_secret@alice:" + uuid, "proof:publickey@alice:" + uuid,
		"proof:" + sid[1:] + "@alice:" + uuid, "proof:" + strings.ToUpper(sid) + "@alice:" + uuid, "proof:" + sid + "x@alice:" + uuid,
		good + challengeBy("@carol"), good + challengeBy(""), good + challengeBy("@bob@carol"), good + "pol1.", good + "pol1.***",
		good + code(`{"v":"@bob"}`), good + code(`[]`), good + code(`{"v":"@bob","n":7}`), good + code(`{"v":"@bob","n":"x","alg":"ml-dsa-65"}`),
	} {
		if cookie, challenge, err := readProof(reply, "@alice", "@bob"); err == nil {
			t.Errorf("%q is taken: %v, %q", reply, cookie, challenge)
		}
	}
}
