package enroll

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"atserver/store"
)

// LoginByCRAM checks an answer to a challenge by the bootstrap secret. The error
// is ErrProof for everything that a stranger could cause.
func (r *Registry) LoginByCRAM(challenge, answer, from string) (Principal, error) {
	b := r.snapshot.Load().bootstrap
	secret := ""
	if b.open() {
		var err error
		if secret, err = r.sealer.open(b.Secret); err != nil {
			return Principal{}, err
		}
	}
	p := Principal{Kind: CRAM, Sign: r.sign}
	return r.logged(p, checkCRAM(secret, challenge, answer), "login.cram", from)
}

// Proof is the answer to a challenge by PKAM.
type Proof struct {
	Enrollment string // "" logs in as the bootstrap enrollment
	Hash       string // "", "sha256" or "sha512"
	Challenge  string
	Signature  string
}

// LoginByPKAM checks a signature over a challenge. The state of the enrollment
// is judged first: *StateError. Everything else that is wrong is ErrProof. The
// first login of the bootstrap enrollment retires the bootstrap secret.
func (r *Registry) LoginByPKAM(proof Proof, from string) (Principal, error) {
	id := FoldID(proof.Enrollment)
	if proof.Enrollment == "" {
		id = r.snapshot.Load().bootstrap.Enrollment
		if id == "" {
			return Principal{}, ErrProof
		}
	}
	e, status := r.Get(id)
	if status != Approved {
		return Principal{}, &StateError{Enrollment: id, Status: status}
	}
	key, err := ParsePublicKey(e.Algorithm, e.Key)
	if err != nil {
		return Principal{}, fmt.Errorf("enrollment %s: %w", id, err)
	}
	p := Principal{Kind: App, Sign: r.sign, Enrollment: e.ID} // not id, which holds on to the whole command
	return r.logged(p, key.Verify(proof.Hash, proof.Challenge, proof.Signature), "login.pkam", from)
}

// Seen is when and from where an enrollment last logged in.
type Seen struct {
	At   time.Time `json:"at"`
	From string    `json:"from"`
}

// LastSeen returns the last login of an enrollment, zero if there was none.
func (r *Registry) LastSeen(id string) (Seen, error) {
	var seen Seen
	err := r.db.View(func(tx *store.Tx) error {
		raw, err := tx.Row(store.LastSeen, id)
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &seen)
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return seen, err
}

// AllSeen returns the last login of every enrollment that has one.
func (r *Registry) AllSeen() (map[string]Seen, error) {
	all := map[string]Seen{}
	err := r.db.View(func(tx *store.Tx) error {
		for row, err := range tx.Rows(store.LastSeen, "") {
			if err != nil {
				return err
			}
			var seen Seen
			if err := json.Unmarshal(row.Value, &seen); err != nil {
				return fmt.Errorf("last login of %s: %w", row.ID, err)
			}
			all[row.ID] = seen
		}
		return nil
	})
	return all, err
}

// logged records an attempt to log in and passes its outcome on: nobody is in
// before that is on record, or noted to be when the disk takes nothing. The first
// login of the owner's first app retires the bootstrap secret.
func (r *Registry) logged(p Principal, proof error, action, from string) (Principal, error) {
	event := store.Event{Actor: p.Actor(), Action: action, Outcome: "allow", From: from}
	if proof != nil {
		event.Outcome = "deny"
	}
	before := r.late.take()
	record := func(tx *store.Tx) error {
		for _, e := range before {
			if err := tx.Audit(e); err != nil {
				return err
			}
		}
		if proof == nil && p.Kind == App {
			raw, err := json.Marshal(Seen{At: tx.Now(), From: from})
			if err != nil {
				return err
			}
			if err := tx.PutRow(store.LastSeen, p.Enrollment, raw); err != nil {
				return err
			}
		}
		return tx.Audit(event)
	}
	settles := proof == nil && r.snapshot.Load().settledBy(p)
	var err error
	if settles {
		err = r.change(func(c *change) error { return r.firstLogin(c, p, from, record) })
	} else {
		err = r.db.Update(record)
	}
	if err != nil {
		r.late.put(before)
		unwritten := errors.Is(err, store.ErrNoSpace) || errors.Is(err, store.ErrBroken)
		if settles || !unwritten || !r.late.add(event, r.Time()) {
			return Principal{}, fmt.Errorf("recording a login: %w", err)
		}
	}
	if proof != nil {
		return Principal{}, proof
	}
	return p, nil
}

// settledBy tells whether a login of p would settle something: that the bootstrap
// secret is used up, or that a replacement works.
func (s *snapshot) settledBy(p Principal) bool {
	e := s.enrollments[p.Enrollment]
	if p.Kind != App || e == nil {
		return false
	}
	old := s.enrollments[e.SuccessorOf]
	return e.ID == s.bootstrap.Enrollment && s.bootstrap.open() || old != nil && old.Replaced.IsZero()
}

// firstLogin settles it, by the state in which the login is recorded: another app
// may have taken the place of this one meanwhile.
func (r *Registry) firstLogin(c *change, p Principal, from string, record func(*store.Tx) error) error {
	e := c.old.enrollments[p.Enrollment]
	if e == nil {
		return &StateError{Enrollment: p.Enrollment, Status: Expired}
	}
	if status := e.StatusAt(c.Now()); status != Approved {
		return &StateError{Enrollment: e.ID, Status: status}
	}
	if err := c.succeed(e); err != nil {
		return err
	}
	if e.ID == c.old.bootstrap.Enrollment && !r.testing {
		if err := c.retire(e.ID, from); err != nil {
			return err
		}
	}
	return record(c.Tx)
}
