package enroll

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"atserver/store"
)

// Revision is what an app may change about itself. What is empty stays.
type Revision struct {
	Key       string
	Algorithm Algorithm
	Proof     string // signature by the new key, see ProofText
	Metadata  map[string]json.RawMessage
	Apsk      json.RawMessage
	Legacy    string // apskLegacy
}

// ErrRevision is behind every refusal to revise an enrollment for lack of proof.
var ErrRevision = errors.New("the enrollment is not changed")

// RevisionError says why. Its text is safe to show.
type RevisionError struct{ Reason string }

func (e *RevisionError) Error() string { return e.Reason }
func (e *RevisionError) Unwrap() error { return ErrRevision }

// maxRecord bounds an enrollment, in bytes of JSON.
const maxRecord = 500 * 1024

// Revise changes the caller's own enrollment. A new key must prove that its
// private half is at hand, by a signature over "<id>|<key>|<algorithm>".
func (r *Registry) Revise(p Principal, id string, v Revision, from string) error {
	if p.Kind != App || p.Enrollment != id {
		who := p.Enrollment
		if who == "" {
			who = "the owner"
		}
		return &RevisionError{fmt.Sprintf(
			"enroll:update is self-only: this connection is authenticated as %s, not %s. Authenticate as %s to update it", who, id, id)}
	}
	return r.change(func(c *change) error {
		old := c.old.enrollments[id]
		if old == nil || old.StatusAt(c.Now()) != Approved {
			return r.Check(p)
		}
		e := old.revised()
		if v.Key != "" {
			if err := e.rotate(v); err != nil {
				return err
			}
			if err := c.free(e); err != nil {
				return err
			}
		}
		if err := e.mergeMetadata(v.Metadata); err != nil {
			return err
		}
		switch {
		case len(v.Apsk) > 0:
			e.Apsk, e.ApskLegacy = v.Apsk, ""
		case v.Legacy != "":
			e.Apsk, e.ApskLegacy = nil, v.Legacy
		}
		if raw, err := json.Marshal(e); err != nil || len(raw) > maxRecord {
			return &ArgumentError{fmt.Sprintf("enrollment record is %d bytes encoded, which exceeds the %d byte limit", len(raw), maxRecord)}
		}
		if len(v.Apsk) > 0 || v.Legacy != "" {
			if err := c.publishApsk(e); err != nil {
				return err
			}
		}
		if err := c.put(e); err != nil {
			return err
		}
		return c.Audit(store.Event{Actor: id, Action: "enroll.update", Target: id, Outcome: "allow", From: from})
	})
}

// rotate puts a new key in place of the old one.
func (e *Enrollment) rotate(v Revision) error {
	algorithm := v.Algorithm
	if algorithm == "" {
		algorithm = e.Algorithm
	}
	key, err := ParsePublicKey(algorithm, v.Key)
	if err != nil {
		return &ArgumentError{err.Error()}
	}
	if v.Proof == "" {
		return &RevisionError{"enroll:update changing apkamPublicKey requires apkamPublicKeySignature: a signature by the new key"}
	}
	if key.Verify("sha256", e.ID+"|"+v.Key+"|"+string(algorithm), v.Proof) != nil {
		return &RevisionError{"apkamPublicKeySignature does not verify against the apkamPublicKey being installed"}
	}
	e.Key, e.Algorithm, e.Fingerprint = v.Key, algorithm, key.Fingerprint()
	return nil
}

// mergeMetadata replaces the members that are given.
func (e *Enrollment) mergeMetadata(members map[string]json.RawMessage) error {
	if len(members) == 0 {
		return nil
	}
	merged := map[string]json.RawMessage{}
	if len(e.Metadata) > 0 {
		if err := json.Unmarshal(e.Metadata, &merged); err != nil {
			return fmt.Errorf("metadata of enrollment %s: %w", e.ID, err)
		}
	}
	maps.Copy(merged, members)
	raw, err := json.Marshal(merged)
	e.Metadata = raw
	return err
}
