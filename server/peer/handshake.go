package peer

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// Keys is what proving our atSign needs of the server.
type Keys interface {
	// SigningKey is the private key of our public:signing_publickey.
	SigningKey() (*rsa.PrivateKey, error)
	// PutCookie lets everybody look a signature up for a minute. It never takes the place of another record.
	PutCookie(cookie atkey.Key, signature string) error
}

// prove proves our atSign to the peer: from, a signature over the challenge that the peer looks up on our server, pol.
func (l *link) prove(ctx context.Context, self, of atkey.Sign, keys Keys) error {
	reply, err := l.ask(ctx, "from:"+string(self))
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	cookie, challenge, err := readProof(reply, self, of)
	if err != nil {
		return err
	}
	key, err := keys.SigningKey()
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(challenge))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return fmt.Errorf("signing the challenge: %w", err)
	}
	if err := keys.PutCookie(cookie, base64.StdEncoding.EncodeToString(signature)); err != nil {
		return fmt.Errorf("showing the signature: %w", err)
	}
	reply, err = l.ask(ctx, "pol")
	if err != nil {
		return fmt.Errorf("pol: %w", err)
	}
	if reply != wire.Prompt(string(self)) {
		return errors.New("pol: the answer names somebody else")
	}
	return nil
}

// session is how servers name connections. Nothing else is taken, as the peer chooses the name of one of our records by
// it.
var session = regexp.MustCompile(`^_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// maxChallenge bounds what we sign: a bare UUID has 36 bytes, a bound challenge less than 300.
const maxChallenge = 1024

// readProof reads the answer to from, "proof:<session>@me:<challenge>", and returns the key under which the peer looks
// for the signature.
func readProof(reply string, self, of atkey.Sign) (cookie atkey.Key, challenge string, err error) {
	fields := strings.Split(reply, ":")
	if len(fields) != 3 || fields[0] != "proof" {
		return cookie, "", errors.New("from: the answer is no challenge")
	}
	id, ok := strings.CutSuffix(fields[1], string(self))
	if !ok || !session.MatchString(id) {
		return cookie, "", errors.New("from: the challenge names no session of ours")
	}
	challenge = strings.TrimSpace(fields[2])
	if err := checkChallenge(challenge, of); err != nil {
		return cookie, "", fmt.Errorf("from: %w", err)
	}
	return atkey.Key{Scope: atkey.Public, Name: id, Owner: self}, challenge, nil
}

// bound begins a challenge that names its verifier.
const bound = "pol1."

// checkChallenge refuses a challenge that was made by another verifier, which the peer would relay to it to pass for us,
// or that asks for a kind of signature that we do not make.
func checkChallenge(challenge string, of atkey.Sign) error {
	if challenge == "" || len(challenge) > maxChallenge {
		return errors.New("the challenge has no proper length")
	}
	encoded, ok := strings.CutPrefix(challenge, bound)
	if !ok {
		return nil // of a server of 2024, which names nobody
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return errors.New("the challenge is not base64url")
	}
	var c struct {
		V   string `json:"v"`
		N   string `json:"n"`
		Alg any    `json:"alg"`
	}
	if json.Unmarshal(raw, &c) != nil || c.N == "" {
		return errors.New("the challenge is malformed")
	}
	if verifier, err := atkey.ParseSign(c.V); err != nil || verifier != of {
		return errors.New("the challenge was made by another server")
	}
	if alg, _ := c.Alg.(string); strings.HasPrefix(alg, "ml-dsa") {
		return fmt.Errorf("the challenge asks for a signature of the type %.20q", alg)
	}
	return nil
}
