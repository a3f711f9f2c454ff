package atauth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"atserver/verbs/wire"
)

// Request is what an app asks of the owner of an atSign.
type Request struct {
	App, Device string
	Namespaces  map[string]string // each with "r" or "rw"
	OTP         string            // one-time passcode, or the one that the owner chose
	Lifetime    time.Duration     // counted from approval, whole ms; 0: until revoked
}

// String leaves the passcode out.
func (r Request) String() string {
	return fmt.Sprintf("request of %s on %s for %v", r.App, r.Device, r.Namespaces)
}

// GoString is String, so that no verb of fmt prints the passcode.
func (r Request) GoString() string { return r.String() }

// Pending is a request that the server has taken and somebody must decide, with
// the keys that were made for it. Whoever loses it cannot use what is granted.
type Pending struct {
	Options    Options // where to ask for the decision; a file does not keep where the server is
	Enrollment string
	Request    Request // without the passcode

	pkam      *rsa.PrivateKey
	symmetric []byte         // wraps the owner's keys on their way here
	owner     *rsa.PublicKey // for whom symmetric was encrypted
}

// String names the request without showing its keys.
func (p Pending) String() string {
	return fmt.Sprintf("%v of %s (enrollment %q)", p.Request, p.Options.Sign, p.Enrollment)
}

// GoString is String, so that no verb of fmt prints a secret.
func (p Pending) GoString() string { return p.String() }

var (
	// ErrNotOnboarded means that the atSign has published no key yet, so that
	// nothing can be sent to its owner.
	ErrNotOnboarded = errors.New("this atSign is not onboarded yet")
	// ErrPasscode means that the passcode of a request is not valid. Which of
	// wrong, used and expired it is, the server does not tell.
	ErrPasscode = errors.New("the passcode is wrong, used or expired")
)

// Submit makes the keys of an app and asks the owner to let it in. The passcode,
// unless the owner chose it, is used up by that. Pending.Wait then waits for the
// decision.
func Submit(ctx context.Context, o Options, r Request) (Pending, error) {
	p := Pending{Options: o, Request: r, symmetric: make([]byte, 32)}
	p.Request.OTP = ""
	rand.Read(p.symmetric)
	c, err := Dial(ctx, o)
	if err != nil {
		return Pending{}, err
	}
	defer c.Close()
	if p.owner, err = c.ownersKey(ctx); err != nil {
		return Pending{}, err
	}
	if p.pkam, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return Pending{}, fmt.Errorf("make a key pair: %w", err)
	}
	sealed, err := sealSymmetric(p.owner, p.symmetric)
	if err != nil {
		return Pending{}, err
	}
	if p.Enrollment, err = c.request(ctx, r, publicText(&p.pkam.PublicKey), sealed); err != nil {
		return Pending{}, fmt.Errorf("ask %s for access: %w", o.Sign, err)
	}
	return p, nil
}

// ownersKey looks up for whom to encrypt what only the owner may read.
func (c *Client) ownersKey(ctx context.Context) (*rsa.PublicKey, error) {
	text, err := c.Ask(ctx, "lookup:publickey"+string(c.Sign))
	switch {
	case NotFound(err):
		return nil, ErrNotOnboarded
	case err != nil:
		return nil, fmt.Errorf("look up the public key of %s: %w", c.Sign, err)
	}
	key, err := parsePublic(text)
	if err != nil {
		return nil, fmt.Errorf("public key of %s: %w", c.Sign, err)
	}
	return key, nil
}

func (c *Client) request(ctx context.Context, r Request, key, symmetric string) (id string, err error) {
	line, err := json.Marshal(struct {
		App        string            `json:"appName"`
		Device     string            `json:"deviceName"`
		Namespaces map[string]string `json:"namespaces"`
		OTP        string            `json:"otp"`
		Key        string            `json:"apkamPublicKey"`
		Symmetric  string            `json:"encryptedAPKAMSymmetricKey"`
		Lifetime   int64             `json:"apkamKeysExpiryInMillis,omitempty"`
	}{r.App, r.Device, r.Namespaces, r.OTP, key, symmetric, r.Lifetime.Milliseconds()})
	if err != nil {
		return "", err
	}
	reply, err := c.Ask(ctx, "enroll:request:"+string(line))
	var refused *wire.Error
	if errors.As(err, &refused) && strings.Contains(refused.Text, "invalid otp") {
		return "", ErrPasscode // releases differ in the code
	}
	if err != nil {
		return "", err
	}
	var taken struct{ EnrollmentID string }
	if json.Unmarshal([]byte(reply), &taken) != nil || taken.EnrollmentID == "" {
		return "", wire.ErrUnexpected
	}
	return taken.EnrollmentID, nil
}
