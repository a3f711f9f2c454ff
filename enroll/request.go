package enroll

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"atserver/store"
)

// Request is what an app asks for when it enrolls.
type Request struct {
	App, Device  string
	Grants       Grants
	Key          string
	Algorithm    Algorithm
	SymmetricKey string
	PrivateKey   WrappedKey
	SelfKey      WrappedKey
	Lifetime     time.Duration
	Metadata     json.RawMessage
	Apsk         json.RawMessage
	ApskLegacy   string

	Session string // connection that asks
	From    string // its address
}

// PendingLife is how long a request waits for a decision.
const PendingLife = 48 * time.Hour

// ArgumentError says what is wrong with a request. Its text is safe to show.
type ArgumentError struct{ Reason string }

func (e *ArgumentError) Error() string { return e.Reason }

// ConflictError says that a request or an act contradicts what is on record. Its
// text is safe to show.
type ConflictError struct{ Reason string }

func (e *ConflictError) Error() string { return e.Reason }

// Request asks to let an app in. How it is consented to depends on who asks: the
// holder of the bootstrap secret enrolls the owner's first app, an app replaces
// itself, anybody else must show a passcode and waits for a decision.
func (r *Registry) Request(p Principal, req Request, passcode string) (*Enrollment, error) {
	if err := req.Check(p); err != nil {
		return nil, err
	}
	switch p.Kind {
	case CRAM:
		return r.bootstrap(req, "cram")
	case App:
		return r.replace(p, req)
	}
	if err := r.usePasscode(passcode, req.From); err != nil {
		return nil, err
	}
	return r.pend(req)
}

// pend records a request that somebody must decide.
func (r *Registry) pend(req Request) (e *Enrollment, err error) {
	err = r.change(func(c *change) error {
		for _, other := range c.old.enrollments {
			if status := other.StatusAt(c.Now()); other.App == req.App && other.Device == req.Device && (status == Pending || status == Approved) {
				return &ConflictError{fmt.Sprintf(
					"Another enrollment with id %s exists with the app name: %s and device name: %s in %s state",
					other.ID, other.App, other.Device, status)}
			}
		}
		if e, err = c.admit(req, "passcode"); err != nil {
			return err
		}
		e.ExpiresAt = e.RequestedAt.Add(PendingLife)
		if err := c.put(e); err != nil {
			return err
		}
		if err := c.notifyRequest(e); err != nil {
			return err
		}
		return c.Audit(store.Event{
			Actor: "anonymous", Action: "enroll.request", Target: e.ID, Outcome: "allow", From: req.From,
			Detail: map[string]string{"app": e.App, "device": e.Device},
		})
	})
	return e, err
}

// Check refuses what must not be stored, whoever asks. It costs nothing to ask: no
// passcode is used up, and nothing is counted. The error is an *ArgumentError.
func (req Request) Check(p Principal) error {
	if !IsName(req.App) || !IsName(req.Device) {
		return &ArgumentError{"appName and deviceName are 1 to 64 of A-Z a-z 0-9 _ . -"}
	}
	if _, err := ParsePublicKey(req.Algorithm, req.Key); err != nil {
		return &ArgumentError{err.Error()}
	}
	for _, namespace := range slices.Sorted(maps.Keys(req.Grants)) {
		if access := req.Grants[namespace]; access != Read && access != ReadWrite {
			return &ArgumentError{fmt.Sprintf(
				"Invalid access %q for namespace %q in enroll:request. Valid values are r and rw", access, namespace)}
		}
		if !isGrantable(namespace) {
			return &ArgumentError{fmt.Sprintf("Namespace %q can not be granted", namespace)}
		}
	}
	if len(req.Grants) == 0 && p.Kind != CRAM && p.Kind != App {
		return &ArgumentError{"At least one namespace must be specified for enroll:request"}
	}
	return nil
}

// admit makes an enrollment of a request that was checked, pending, not yet kept.
func (c *change) admit(req Request, origin string) (*Enrollment, error) {
	if req.Algorithm == "" {
		req.Algorithm = RSA2048
	}
	key, err := ParsePublicKey(req.Algorithm, req.Key)
	if err != nil {
		return nil, &ArgumentError{err.Error()}
	}
	e := &Enrollment{
		ID: NewID(), App: req.App, Device: req.Device, Grants: req.Grants, Stored: Pending,
		Key: req.Key, Algorithm: req.Algorithm, Fingerprint: key.Fingerprint(), SymmetricKey: req.SymmetricKey,
		PrivateKey: req.PrivateKey, SelfKey: req.SelfKey,
		Metadata: req.Metadata, Apsk: req.Apsk, ApskLegacy: req.ApskLegacy,
		Origin: origin, Session: req.Session, RequestedAt: c.Now(), RequestedFrom: req.From, Lifetime: req.Lifetime,
	}
	return e, c.free(e)
}

// free refuses a key that another enrollment holds, in whatever state: one key
// that opens two enrollments would survive the revocation of either.
func (c *change) free(e *Enrollment) error {
	if holder, held := c.next.keys[e.Fingerprint]; held && holder != e.ID {
		return &ConflictError{"The apkamPublicKey is already held by another enrollment on this atSign; every enrollment needs a keypair of its own"}
	}
	return nil
}

// isGrantable reports whether a namespace may be asked for: words separated by
// dots, of the characters of names, and none of those that belong to the server.
func isGrantable(namespace string) bool {
	if namespace == Any || namespace == Manage {
		return true
	}
	for label := range strings.SplitSeq(namespace, ".") {
		if label == "" || strings.Contains(label, "*") {
			return false
		}
	}
	return isNamespace(namespace) && (!endsReserved(namespace) || namespace == "__global")
}

// IsName reports whether text may name an app or a device.
func IsName(text string) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return len(text) >= 1 && len(text) <= 64
}
