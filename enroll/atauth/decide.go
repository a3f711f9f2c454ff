package atauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"atserver/verbs/wire"
)

// The methods below are for the owner's apps: those that were granted to manage
// enrollments.

// OTP has the server make a one-time passcode for an app that is to be let in. ttl
// is how long it is good, 0: as the server thinks best.
func (c *Client) OTP(ctx context.Context, ttl time.Duration) (string, error) {
	code, err := c.Ask(ctx, "otp:get"+fragment(ttl))
	if err != nil {
		return "", fmt.Errorf("get a passcode: %w", err)
	}
	return code, nil
}

// ErrPasscodeForm refuses a passcode that the protocol cannot carry.
var ErrPasscodeForm = errors.New("a passcode is 6 or more letters, digits or underscores")

var passcodeForm = regexp.MustCompile(`^[A-Za-z0-9_]{6,}$`)

// SetPasscode sets a passcode that may be used again and again, by more than one
// app, in place of the one before. ttl 0 means until it is replaced.
func (c *Client) SetPasscode(ctx context.Context, code string, ttl time.Duration) error {
	if !passcodeForm.MatchString(code) {
		return ErrPasscodeForm
	}
	return c.expect(ctx, "set the passcode", "otp:put:"+code+fragment(ttl), "ok")
}

func fragment(ttl time.Duration) string {
	if ttl == 0 {
		return ""
	}
	return fmt.Sprintf(":ttl:%d", ttl.Milliseconds())
}

// Approve lets an app in: it hands the owner's keys over to it. k are keys of the
// owner, or of an app of theirs.
func (c *Client) Approve(ctx context.Context, k Keys, id string) error {
	e, err := c.Fetch(ctx, id)
	if err != nil {
		return err
	}
	symmetric, err := openSymmetric(k.Encryption, e.Symmetric)
	if err != nil {
		return fmt.Errorf("approve %s on %s: %w", e.App, e.Device, err)
	}
	private, self, err := k.wrap(symmetric)
	if err != nil {
		return err
	}
	_, err = c.decide(ctx, "approve", "approved", struct {
		ID        string `json:"enrollmentId"`
		Private   string `json:"encryptedDefaultEncryptionPrivateKey"`
		PrivateIV string `json:"encPrivateKeyIV"`
		Self      string `json:"encryptedDefaultSelfEncryptionKey"`
		SelfIV    string `json:"selfEncKeyIV"`
	}{id, private.Value, private.IV, self.Value, self.IV})
	return err
}

// Deny turns a request down.
func (c *Client) Deny(ctx context.Context, id string) error {
	_, err := c.decide(ctx, "deny", "denied", target{id})
	return err
}

// Revoke ends what an app may do, at once, and what those may do whom it let in:
// their ids are returned. An app can end itself only with force, and loses the
// connection soon after.
func (c *Client) Revoke(ctx context.Context, id string, force bool) (fallen []string, err error) {
	op := "revoke"
	if force {
		op += ":force"
	}
	return c.decide(ctx, op, "revoked", target{id})
}

// Unrevoke takes a revocation back, not those of the others that fell with it.
func (c *Client) Unrevoke(ctx context.Context, id string) error {
	_, err := c.decide(ctx, "unrevoke", "approved", target{id})
	return err
}

// Delete removes an enrollment that was denied or revoked.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := c.decide(ctx, "delete", "deleted", target{id})
	return err
}

// target is the parameter of an operation on one enrollment.
type target struct {
	ID string `json:"enrollmentId"`
}

// decide has an enrollment get the status want. It returns the ids of those that
// followed it.
func (c *Client) decide(ctx context.Context, op, want string, params any) ([]string, error) {
	reply, err := c.enroll(ctx, op, params)
	if err != nil {
		return nil, err
	}
	var done struct {
		Status    string
		Followers []string `json:"cascadedEnrollmentIds"`
	}
	if json.Unmarshal([]byte(reply), &done) != nil || done.Status != want {
		return nil, fmt.Errorf("%s: %w", op, wire.ErrUnexpected)
	}
	return done.Followers, nil
}

// enroll sends one operation of enroll and returns the reply.
func (c *Client) enroll(ctx context.Context, op string, params any) (string, error) {
	text, err := json.Marshal(params)
	if err != nil {
		return "", err
	}
	reply, err := c.Ask(ctx, "enroll:"+op+":"+string(text))
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	return reply, nil
}
