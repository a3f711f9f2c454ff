package enroll

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"atserver/store/atkey"
)

// ChallengeLife is how long a challenge may be answered.
const ChallengeLife = 60 * time.Second

// Challenge is what a connection must prove itself over. It lives in the memory
// of that one connection, so it is bound to it and gone with it.
type Challenge struct {
	text string
	at   time.Time
}

// NewChallenge makes the challenge for a session: "<session>@alice:<uuid>", the
// text that clients digest or sign.
func NewChallenge(session string, sign atkey.Sign, now time.Time) Challenge {
	return Challenge{text: session + string(sign) + ":" + NewID(), at: now}
}

// NewPeerChallenge makes the challenge for the session of another atSign's server.
// What it signs, behind the colon, names us, so that nobody can have it signed for a
// verifier that it did not mean: "<session>@bob:pol1.<base64url of JSON>".
func NewPeerChallenge(session string, peer, verifier atkey.Sign, now time.Time) (Challenge, error) {
	raw, err := json.Marshal(struct {
		V atkey.Sign `json:"v"`
		N string     `json:"n"`
	}{verifier, NewID()})
	return Challenge{text: session + string(peer) + ":pol1." + base64.URLEncoding.EncodeToString(raw), at: now}, err
}

// Text is what the client is told.
func (c *Challenge) Text() string { return c.text }

// Take hands the text out once, and only while it is fresh. Every attempt to
// answer uses the challenge up, also a wrong one. The error is ErrProof.
func (c *Challenge) Take(now time.Time) (string, error) {
	text, age := c.text, now.Sub(c.at)
	*c = Challenge{}
	if text == "" || age < 0 || age >= ChallengeLife {
		return "", ErrProof
	}
	return text, nil
}
