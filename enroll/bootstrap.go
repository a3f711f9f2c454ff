package enroll

import (
	"errors"

	"atserver/store"
)

// The two names by which clients speak of the bootstrap. Neither is a record.
const (
	CRAMSecretKey = "privatekey:at_secret"
	LegacyKey     = "privatekey:at_pkam_publickey"
)

// LegacyApp names the enrollment of a client that stores its key without
// enrolling, as clients of before 2024 do.
const LegacyApp = "legacy"

// bootstrap is the state of the first onboarding. The zero value is a server
// that has no secret yet.
type bootstrap struct {
	Secret     []byte `json:"secret,omitempty"`     // sealed
	Retired    bool   `json:"retired,omitempty"`    // for ever
	Enrollment string `json:"enrollment,omitempty"` // who logs in by PKAM without an id
}

const (
	bootstrapRow   = "bootstrap"
	bootstrapWords = "the bootstrap state"
)

func (b bootstrap) open() bool { return len(b.Secret) > 0 && !b.Retired }

func readBootstrap(tx *store.Tx) (b bootstrap, err error) {
	err = readSetting(tx, bootstrapRow, bootstrapWords, &b)
	return b, err
}

func (c *change) putBootstrap(b bootstrap) error {
	c.next.bootstrap = b
	return c.putSetting(bootstrapRow, bootstrapWords, b)
}

// NeedsSecret reports whether the server waits for its first onboarding and has
// no secret for it.
func (r *Registry) NeedsSecret() bool {
	b := r.snapshot.Load().bootstrap
	return len(b.Secret) == 0 && !b.Retired
}

// AwaitsOnboarding reports whether CRAM would still let somebody in.
func (r *Registry) AwaitsOnboarding() bool { return r.snapshot.Load().bootstrap.open() }

// SetCRAMSecret keeps the bootstrap secret, sealed. Once CRAM is retired it does
// nothing: a restart with the old secret revives nothing.
func (r *Registry) SetCRAMSecret(secret string) error {
	if err := CheckCRAMSecret(secret); err != nil {
		return err
	}
	b := r.snapshot.Load().bootstrap
	if known, err := r.sealer.open(b.Secret); b.Retired || err == nil && known == secret {
		return nil
	}
	return r.change(func(c *change) error {
		b := c.old.bootstrap
		if b.Retired {
			return nil
		}
		b.Secret = r.sealer.seal(secret)
		return c.putBootstrap(b)
	})
}

// BootstrapLegacy enrolls the owner's first app for a client that only stores its
// public key and knows no enrollment.
func (r *Registry) BootstrapLegacy(key, session, from string) (*Enrollment, error) {
	req := Request{App: LegacyApp, Device: LegacyApp, Key: key, Algorithm: GuessAlgorithm(key), Session: session, From: from}
	if err := req.Check(Principal{Kind: CRAM}); err != nil {
		return nil, err
	}
	return r.bootstrap(req, LegacyApp)
}

// bootstrap enrolls the owner's first app on the word of the bootstrap secret:
// approved at once, with all rights. Until that app has logged in, asking again
// replaces it, so that a failed onboarding strands nobody.
func (r *Registry) bootstrap(req Request, origin string) (e *Enrollment, err error) {
	err = r.change(func(c *change) error {
		b := c.old.bootstrap
		if !b.open() {
			return &StateError{Enrollment: "cram", Status: Expired}
		}
		if req.Lifetime > 0 && !r.testing {
			return errEnds
		}
		if b.Enrollment != "" && !r.testing {
			if err := c.remove(b.Enrollment); err != nil {
				return err
			}
		}
		if e, err = c.admit(req, origin); err != nil {
			return err
		}
		e.Grants = Root()
		for namespace, access := range req.Grants {
			if e.Grants[namespace] == None {
				e.Grants[namespace] = access
			}
		}
		if err := c.approve(e, "cram"); err != nil {
			return err
		}
		b.Enrollment = e.ID
		if err := c.putBootstrap(b); err != nil {
			return err
		}
		return c.Audit(store.Event{
			Actor: "cram", Action: "enroll.bootstrap", Target: e.ID, Outcome: "allow", From: req.From,
			Detail: map[string]string{"app": e.App, "device": e.Device, "origin": origin},
		})
	})
	return e, err
}

// Retire puts the bootstrap secret away for ever. It refuses while nobody else
// could log in.
func (r *Registry) Retire(actor, from string) error {
	if r.snapshot.Load().bootstrap.Retired {
		return nil
	}
	return r.change(func(c *change) error { return c.retire(actor, from) })
}

func (c *change) retire(actor, from string) error {
	b := c.old.bootstrap
	if b.Retired {
		return nil
	}
	if b.Enrollment == "" {
		return ErrStranded
	}
	b.Retired, b.Secret = true, nil
	if err := c.putBootstrap(b); err != nil {
		return err
	}
	return c.Audit(store.Event{Actor: actor, Action: "cram.retire", Target: CRAMSecretKey, Outcome: "allow", From: from})
}

// errEnds refuses an owner's first app that ends: with it the atSign would be lost.
var errEnds = &ArgumentError{"The first enrollment cannot expire: nobody could log in as the owner after it"}

// ErrStranded refuses what would leave nobody able to log in as the owner.
var ErrStranded = errors.New("nobody could log in as the owner any more")
