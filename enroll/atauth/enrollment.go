package atauth

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"atserver/verbs/wire"
)

// Enrollment is what a server tells of an app. Older servers tell less, and key
// material is for managers with all rights: what is not told is zero.
type Enrollment struct {
	ID         string            `json:"enrollmentId"`
	App        string            `json:"appName"`
	Device     string            `json:"deviceName"`
	Namespaces map[string]string `json:"namespaces"` // each with "r" or "rw"
	Status     string            `json:"status"`     // pending, approved, denied, revoked or expired

	RequestType   string    `json:"requestType,omitempty"`
	Session       string    `json:"sessionId,omitempty"` // connection that asked
	RequestedAt   time.Time `json:"requestedAt,omitzero"`
	RequestedFrom string    `json:"requestedFrom,omitempty"` // address
	Lifetime      int64     `json:"apkamKeysExpiryInMillis"` // asked for, counted from approval; 0: for ever
	ExpiresAt     time.Time `json:"expiresAt,omitzero"`      // of a pending one: when it may no longer be approved
	DecidedAt     time.Time `json:"decidedAt,omitzero"`
	DecidedBy     string    `json:"decidedBy,omitempty"` // enrollment, or "cram", "operator"
	RevokedAt     time.Time `json:"revokedAt,omitzero"`
	RevokedBy     string    `json:"revokedBy,omitempty"`
	Parent        string    `json:"parentEnrollmentId,omitempty"` // approved it, and takes it along when it falls
	Predecessor   string    `json:"retrofitPredecessorEnrollmentId,omitempty"`
	ReplacedAt    time.Time `json:"predecessorCapArmedAt,omitzero"`

	PublicKey  string          `json:"apkamPublicKey,omitempty"`
	Algorithm  string          `json:"signingAlgo,omitempty"`
	Symmetric  string          `json:"encryptedAPKAMSymmetricKey,omitempty"` // see openSymmetric
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	Apsk       json.RawMessage `json:"apsk,omitempty"`
	ApskLegacy string          `json:"apskLegacy,omitempty"`
}

// List returns the enrollments in one of the states, without any those that have
// not expired, in the order of their requests. An app that is no manager sees only
// its own.
func (c *Client) List(ctx context.Context, statuses ...string) ([]Enrollment, error) {
	line := "enroll:list"
	if len(statuses) > 0 {
		filter, err := json.Marshal(map[string][]string{"enrollmentStatusFilter": statuses})
		if err != nil {
			return nil, err
		}
		line += ":" + string(filter)
	}
	reply, err := c.Ask(ctx, line)
	if err != nil {
		return nil, fmt.Errorf("list enrollments: %w", err)
	}
	var records map[string]json.RawMessage
	if json.Unmarshal([]byte(reply), &records) != nil {
		return nil, fmt.Errorf("list enrollments: %w", wire.ErrUnexpected)
	}
	list := make([]Enrollment, 0, len(records))
	for key, record := range records {
		id, _, _ := strings.Cut(key, ".")
		e, err := decodeEnrollment(id, record)
		if err != nil {
			return nil, fmt.Errorf("list enrollments: %w", err)
		}
		if len(statuses) == 0 || slices.Contains(statuses, e.Status) { // servers list one's own in any case
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Enrollment) int {
		return cmp.Or(a.RequestedAt.Compare(b.RequestedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Fetch returns what is needed to decide about one enrollment: who asks for what,
// its status, its symmetric key, and when it ends.
func (c *Client) Fetch(ctx context.Context, id string) (Enrollment, error) {
	reply, err := c.enroll(ctx, "fetch", target{id})
	if err != nil {
		return Enrollment{}, err
	}
	return decodeEnrollment(id, []byte(reply))
}

func decodeEnrollment(id string, record []byte) (Enrollment, error) {
	var e struct {
		Enrollment
		Namespace map[string]string `json:"namespace"` // the older name
	}
	if err := json.Unmarshal(record, &e); err != nil {
		return Enrollment{}, fmt.Errorf("enrollment %s: %w", id, err)
	}
	e.ID = id
	if e.Namespaces == nil {
		e.Namespaces = e.Namespace
	}
	return e.Enrollment, nil
}
