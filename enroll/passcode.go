package enroll

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"atserver/store"
)

// A passcode ties a request to a person: whoever shows it was told it by the
// owner. There are one-time passcodes, made here, and one that the owner chose,
// which may be used until it ends. Both are kept as an HMAC only: a plain hash of
// six characters is guessed in a moment.

const (
	// OTPLife is how long a one-time passcode is good unless asked otherwise.
	OTPLife = 5 * time.Minute
	// maxOTPs is how many one-time passcodes may be good at once.
	maxOTPs = 100

	otpLength   = 6
	otpAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32, without 0 O 1 I
	chosenRow   = "chosen"
	oncePrefix  = "once."
)

// passcode is one row of the table of codes.
type passcode struct {
	MAC       string    `json:"mac,omitempty"` // of the chosen one; a one-time passcode is named by it
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

func (p passcode) good(now time.Time) bool { return p.ExpiresAt.IsZero() || now.Before(p.ExpiresAt) }

// ErrThrottled refuses an address that has tried too often.
var ErrThrottled = errors.New("too many attempts")

// WrongPasscode says that a passcode is wrong, used or expired: which, nobody is
// told. The answer must wait.
type WrongPasscode struct{ Wait time.Duration }

func (*WrongPasscode) Error() string { return "the passcode is not valid" }

// mac is the same for a code in upper and lower case.
func (r *Registry) mac(code string) string {
	mac := hmac.New(sha256.New, r.codeKey[:])
	mac.Write([]byte(strings.ToLower(code)))
	return hex.EncodeToString(mac.Sum(nil))
}

// NewOTP makes a one-time passcode. life 0 means OTPLife.
func (r *Registry) NewOTP(p Principal, life time.Duration, from string) (string, error) {
	if life <= 0 {
		life = OTPLife
	}
	code := randomOTP()
	return code, r.db.Update(func(tx *store.Tx) error {
		live, err := prune(tx, func(p passcode) bool { return p.good(tx.Now()) })
		if err != nil {
			return err
		}
		if live >= maxOTPs {
			return &ConflictError{fmt.Sprintf("%d one-time passcodes are waiting to be used, which is the limit", live)}
		}
		if err := putCode(tx, oncePrefix+r.mac(code), passcode{ExpiresAt: tx.Now().Add(life)}); err != nil {
			return err
		}
		return tx.Audit(store.Event{Actor: p.Actor(), Action: "otp.get", Outcome: "allow", From: from})
	})
}

// SetPasscode keeps the passcode that the owner chose, instead of the one before.
// life 0 means until it is replaced.
func (r *Registry) SetPasscode(p Principal, code string, life time.Duration, from string) error {
	return r.db.Update(func(tx *store.Tx) error {
		chosen := passcode{MAC: r.mac(code)}
		if life > 0 {
			chosen.ExpiresAt = tx.Now().Add(life)
		}
		if err := putCode(tx, chosenRow, chosen); err != nil {
			return err
		}
		return tx.Audit(store.Event{Actor: p.Actor(), Action: "otp.put", Outcome: "allow", From: from})
	})
}

// usePasscode checks a passcode and uses a one-time one up, also when what it was
// shown for fails afterwards. The errors are ErrThrottled and *WrongPasscode.
func (r *Registry) usePasscode(code, from string) error {
	if !r.guard.admit(from, r.Time()) {
		return ErrThrottled
	}
	right := false
	mac := r.mac(code)
	err := r.db.Update(func(tx *store.Tx) error {
		right = false
		chosen, err := readCode(tx, chosenRow)
		if err == nil && chosen.good(tx.Now()) && hmac.Equal([]byte(chosen.MAC), []byte(mac)) {
			right = true
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		once, err := readCode(tx, oncePrefix+mac)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		right = once.good(tx.Now())
		return tx.DeleteRow(store.Codes, oncePrefix+mac)
	})
	if err != nil {
		return err
	}
	if right {
		r.guard.passed(from, r.Time())
		return nil
	}
	wait, void := r.guard.failed(from, r.Time())
	if err := r.missed(from, void); err != nil {
		return err
	}
	return &WrongPasscode{Wait: wait}
}

// missed puts a wrong passcode on record and, when there were too many, makes all
// one-time passcodes void.
func (r *Registry) missed(from string, void bool) error {
	return r.db.Update(func(tx *store.Tx) error {
		if err := tx.Audit(store.Event{Actor: "anonymous", Action: "otp.use", Outcome: "deny", From: from}); err != nil || !void {
			return err
		}
		live := false
		if _, err := prune(tx, func(p passcode) bool { live = live || p.good(tx.Now()); return false }); err != nil {
			return err
		}
		if live {
			if err := r.notifyVoid(tx); err != nil {
				return err
			}
		}
		return tx.Audit(store.Event{Actor: "server", Action: "otp.void", Outcome: "allow"})
	})
}

// prune removes the one-time passcodes that are not to be kept and counts the
// others.
func prune(tx *store.Tx, keep func(passcode) bool) (kept int, err error) {
	var gone []string
	for row, err := range tx.Rows(store.Codes, oncePrefix) {
		if err != nil {
			return 0, err
		}
		once, err := decodeCode(row.Value)
		if err != nil {
			return 0, err
		}
		if keep(once) {
			kept++
		} else {
			gone = append(gone, row.ID)
		}
	}
	for _, id := range gone {
		if err := tx.DeleteRow(store.Codes, id); err != nil {
			return 0, err
		}
	}
	return kept, nil
}

// randomOTP draws a passcode with at least one digit in it.
func randomOTP() string {
	for {
		var b [otpLength]byte
		rand.Read(b[:]) // never fails, see crypto/rand
		for i := range b {
			b[i] = otpAlphabet[b[i]%byte(len(otpAlphabet))] // 256 is a multiple of 32
		}
		if code := string(b[:]); strings.ContainsAny(code, "23456789") {
			return code
		}
	}
}

func readCode(tx *store.Tx, id string) (passcode, error) {
	raw, err := tx.Row(store.Codes, id)
	if err != nil {
		return passcode{}, err
	}
	return decodeCode(raw)
}

func decodeCode(raw []byte) (p passcode, err error) {
	if err = json.Unmarshal(raw, &p); err != nil {
		err = fmt.Errorf("decoding a passcode: %w", err)
	}
	return p, err
}

func putCode(tx *store.Tx, id string, p passcode) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return tx.PutRow(store.Codes, id, raw)
}
