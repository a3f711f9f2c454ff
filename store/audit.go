package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Event is what somebody did, for the audit chain. It names things by id and
// holds no secret and no value.
type Event struct {
	Actor   string            `json:"actor"` // enrollment id, "cram", "operator", "server", "anonymous"
	Action  string            `json:"action"`
	Target  string            `json:"target,omitempty"`
	Outcome string            `json:"outcome"`
	From    string            `json:"from,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// AuditEntry is an event in the chain. Its JSON, as encoding/json writes it, is
// the canonical form. Hash is the SHA-256, in hex, of that form with no hash in
// it; Prev is the hash of the entry before, "" in entry 0. So nothing can be
// edited, removed or swapped without every later hash being wrong.
type AuditEntry struct {
	Seq  int64     `json:"seq"`
	Time time.Time `json:"time"`
	Event
	Prev string `json:"prev,omitempty"`
	Hash string `json:"hash,omitempty"`
}

// seal sets the hash and returns the canonical form with it.
func (e *AuditEntry) seal() ([]byte, error) {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	e.Hash = hex.EncodeToString(sum[:])
	return json.Marshal(e)
}

// Audit appends an event to the chain, in the same transaction as what it tells
// of: no audit, no change.
func (tx *Tx) Audit(e Event) error {
	entry := AuditEntry{Seq: tx.seq.audit, Time: tx.now, Event: e.clean(), Prev: tx.seq.hash}
	b, err := entry.seal()
	if err != nil {
		return fmt.Errorf("audit entry: %w", err)
	}
	if err := tx.set(numbered(rowAudit, entry.Seq), b, 0); err != nil {
		return err
	}
	tx.seq.audit, tx.seq.hash = entry.Seq+1, entry.Hash
	return nil
}

// clean makes valid UTF-8 of what is none, for JSON would do so differently when
// it writes an entry and when it writes one that it has read.
func (e Event) clean() Event {
	for _, s := range []*string{&e.Actor, &e.Action, &e.Target, &e.Outcome, &e.From} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	detail := make(map[string]string, len(e.Detail))
	for k, v := range e.Detail {
		detail[strings.ToValidUTF8(k, "\uFFFD")] = strings.ToValidUTF8(v, "\uFFFD")
	}
	e.Detail = detail
	return e
}

// AuditLog yields the entries with a number above after, rising. -1 gives them
// all. They are not verified: see VerifyAudit.
func (tx *Tx) AuditLog(after int64) iter.Seq2[AuditEntry, error] {
	return entries(tx, rowAudit, after, decodeAudit)
}

func decodeAudit(p pair) (AuditEntry, error) {
	var e AuditEntry
	if err := json.Unmarshal(p.value, &e); err != nil {
		return e, fmt.Errorf("audit entry %d: %w", number(p.key), err)
	}
	return e, nil
}

// VerifyAudit walks the whole chain and returns its length. The error names the
// first entry that is not as it was written.
func (db *DB) VerifyAudit() (entries int64, err error) {
	err = db.View(func(tx *Tx) error {
		counters, err := tx.counters()
		if err != nil {
			return err
		}
		prev := ""
		var bad error
		err = tx.scan([]byte{rowAudit}, nil, values, func(p pair) bool {
			var hash string
			if hash, bad = verify(p, entries, prev); bad != nil {
				return false
			}
			prev = hash
			entries++
			return true
		})
		switch {
		case err != nil:
			return err
		case bad != nil:
			return bad
		case entries < counters.audit:
			return fmt.Errorf("audit entry %d: missing", entries)
		case entries > counters.audit:
			return fmt.Errorf("audit entry %d: was not written by this server", counters.audit)
		case prev != counters.hash:
			return fmt.Errorf("audit entry %d: not the one that was written last", entries-1)
		}
		return nil
	})
	return entries, err
}

// verify checks the entry that has to have number seq and returns its hash.
func verify(p pair, seq int64, prev string) (string, error) {
	if number(p.key) != seq {
		return "", fmt.Errorf("audit entry %d: missing", seq)
	}
	e, err := decodeAudit(p)
	if err != nil {
		return "", err
	}
	hash := e.Hash
	canonical, err := e.seal()
	switch {
	case err != nil || !bytes.Equal(canonical, p.value) || e.Hash != hash:
		return "", fmt.Errorf("audit entry %d: changed since it was written", seq)
	case e.Seq != seq:
		return "", fmt.Errorf("audit entry %d: is entry %d", seq, e.Seq)
	case e.Prev != prev:
		return "", fmt.Errorf("audit entry %d: does not follow entry %d", seq, seq-1)
	}
	return hash, nil
}
