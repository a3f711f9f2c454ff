package atauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrOnboarded means that the atSign has its keys already, and that they are not
// to be replaced by new ones.
var ErrOnboarded = errors.New("this atSign is onboarded already")

// Onboard makes the first keys of an atSign and has OnboardWith let them in.
func Onboard(ctx context.Context, o Options, secret, app, device string, save func(Keys) error) (Keys, error) {
	k, err := Generate(o.Sign)
	if err != nil {
		return Keys{}, err
	}
	return OnboardWith(ctx, o, k, secret, app, device, save)
}

// OnboardWith lets the first keys in: it proves ownership with the CRAM secret, has
// the keys approved as the enrollment of app and device with all rights, and
// finishes with Finish. Keys that another server of the atSign knows stay good
// there; those returned differ from them in the enrollment.
//
// save is called once the server knows the keys and before they are used, which
// ends the life of the CRAM secret. If save fails nothing is lost: OnboardWith can
// be called again. If anything fails after save, Finish can.
func OnboardWith(ctx context.Context, o Options, k Keys, secret, app, device string, save func(Keys) error) (_ Keys, err error) {
	if k.Enrollment, err = bootstrap(ctx, o, k, secret, app, device); err != nil {
		return Keys{}, err
	}
	if err := save(k); err != nil {
		return Keys{}, fmt.Errorf("save keys: %w", err)
	}
	return k, Finish(ctx, o, k)
}

// bootstrap enrols the keys on a CRAM connection and returns their id.
func bootstrap(ctx context.Context, o Options, k Keys, secret, app, device string) (id string, err error) {
	c, err := Dial(ctx, o)
	if err != nil {
		return "", err
	}
	defer c.Close()
	switch _, err := c.Ask(ctx, "lookup:publickey"+string(o.Sign)); {
	case err == nil:
		return "", ErrOnboarded
	case !NotFound(err):
		return "", fmt.Errorf("ask whether %s is onboarded: %w", o.Sign, err)
	}
	challenge, err := c.challenge(ctx)
	if err != nil {
		return "", err
	}
	switch err := c.expect(ctx, "prove ownership", "cram:"+cramDigest(secret, challenge), "success"); {
	case NotFound(err): // of the secret: it was used and deleted
		return "", ErrOnboarded
	case err != nil:
		return "", err
	}
	request, err := json.Marshal(struct {
		App    string `json:"appName"`
		Device string `json:"deviceName"`
		Key    string `json:"apkamPublicKey"`
	}{app, device, publicText(&k.PKAM.PublicKey)})
	if err != nil {
		return "", err
	}
	reply, err := c.Ask(ctx, "enroll:request:"+string(request))
	if err != nil {
		return "", fmt.Errorf("enrol the first keys: %w", err)
	}
	var granted struct{ EnrollmentID, Status string }
	if json.Unmarshal([]byte(reply), &granted) != nil || granted.EnrollmentID == "" || granted.Status != "approved" {
		return "", errors.New("enrol the first keys: the server did not approve them")
	}
	return granted.EnrollmentID, nil
}

// Finish does what is left of an onboarding once its keys are saved: log in with
// them, publish the key that others encrypt for, delete the CRAM secret. Doing it
// twice does no harm.
func Finish(ctx context.Context, o Options, k Keys) error {
	c, err := Dial(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Authenticate(ctx, k); err != nil {
		return err
	}
	if _, err := c.Ask(ctx, "update:public:publickey"+string(o.Sign)+" "+publicText(&k.Encryption.PublicKey)); err != nil {
		return fmt.Errorf("publish the public key: %w", err)
	}
	if _, err := c.Ask(ctx, "delete:privatekey:at_secret"); err != nil {
		return fmt.Errorf("delete the CRAM secret: %w", err)
	}
	return nil
}
