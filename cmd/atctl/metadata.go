package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// metadata is what a server tells of a record, in the names and the order of the
// protocol. What is not set is not there.
type metadata struct {
	CreatedBy   string `json:"createdBy,omitempty"`
	UpdatedBy   string `json:"updatedBy,omitempty"`
	CreatedAt   stamp  `json:"createdAt,omitzero"`
	UpdatedAt   stamp  `json:"updatedAt,omitzero"`
	AvailableAt stamp  `json:"availableAt,omitzero"`
	ExpiresAt   stamp  `json:"expiresAt,omitzero"`
	RefreshAt   stamp  `json:"refreshAt,omitzero"`
	Status      string `json:"status,omitempty"`
	Version     *int64 `json:"version,omitempty"`

	TTL         *int64 `json:"ttl,omitempty"` // ms
	TTB         *int64 `json:"ttb,omitempty"` // ms
	TTR         *int64 `json:"ttr,omitempty"` // s, -1 for ever
	CCD         *bool  `json:"ccd,omitempty"`
	IsBinary    *bool  `json:"isBinary,omitempty"`
	IsEncrypted *bool  `json:"isEncrypted,omitempty"`

	DataSignature string          `json:"dataSignature,omitempty"`
	SharedKeyEnc  string          `json:"sharedKeyEnc,omitempty"`
	PubKeyCS      string          `json:"pubKeyCS,omitempty"`
	PubKeyHash    *keyHash        `json:"pubKeyHash,omitempty"`
	Encoding      string          `json:"encoding,omitempty"`
	EncKeyName    string          `json:"encKeyName,omitempty"`
	EncAlgo       string          `json:"encAlgo,omitempty"`
	IVNonce       string          `json:"ivNonce,omitempty"`
	SkeEncKeyName string          `json:"skeEncKeyName,omitempty"`
	SkeEncAlgo    string          `json:"skeEncAlgo,omitempty"`
	Immutable     *bool           `json:"immutable,omitempty"`
	AppMetadata   json.RawMessage `json:"appMetadata,omitempty"` // an object
}

type keyHash struct {
	Hash      string `json:"hash"`
	Algorithm string `json:"hashingAlgo,omitempty"`
}

// stamp is a time in the form of the protocol.
type stamp struct{ time.Time }

func (s stamp) MarshalJSON() ([]byte, error) {
	return s.UTC().AppendFormat(nil, `"2006-01-02 15:04:05.000Z"`), nil
}

// UnmarshalJSON also takes the ISO form, and any number of decimals.
func (s *stamp) UnmarshalJSON(text []byte) (err error) {
	s.Time, err = time.Parse(`"2006-01-02 15:04:05Z"`, strings.Replace(string(text), "T", " ", 1))
	return err
}

// typed reads metadata in the form that sync:from sends, where every value is a
// text.
func typed(texts map[string]string) (m metadata, err error) {
	members := make(map[string]json.RawMessage, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if members[name], err = typedMember(name, texts[name]); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
	text, err := marshal(members)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	return m, err
}

func typedMember(name, text string) (json.RawMessage, error) {
	switch name {
	case "version", "ttl", "ttb", "ttr", "ccd", "isBinary", "isEncrypted", "immutable":
		return json.RawMessage(text), nil
	case "appMetadata":
		return base64.StdEncoding.DecodeString(text)
	case "pubKeyHash":
		if !json.Valid([]byte(text)) { // {hash: …, hashingAlgo: …}, as Dart prints a map
			hash, algorithm, _ := strings.Cut(strings.Trim(text, "{}"), ", hashingAlgo: ")
			return json.Marshal(keyHash{strings.TrimPrefix(hash, "hash: "), algorithm})
		}
		return json.RawMessage(text), nil
	}
	return json.Marshal(text)
}

// copied is what can be copied: all but what a server keeps for itself.
func (m metadata) copied() metadata {
	m.CreatedBy, m.UpdatedBy, m.Status, m.Version, m.RefreshAt = "", "", "", nil, stamp{}
	return m
}

// essence is what a copy of the record has in common with it, each thing said in
// one way.
func (m metadata) essence() metadata {
	m = m.copied()
	for _, n := range []**int64{&m.TTL, &m.TTB, &m.TTR} {
		if *n != nil && **n == 0 {
			*n = nil
		}
	}
	if m.TTR == nil {
		m.CCD = nil // it says what becomes of cached copies, of which there are none
	}
	for _, b := range []**bool{&m.CCD, &m.IsBinary, &m.IsEncrypted, &m.Immutable} {
		if *b != nil && !**b {
			*b = nil
		}
	}
	if !m.AvailableAt.After(m.UpdatedAt.Time) {
		m.AvailableAt = stamp{}
	}
	for _, text := range m.texts() {
		if *text.value == cleared {
			*text.value = ""
		}
	}
	return m
}

// cleared is what stands in an update for a text that is to go.
const cleared = "null"

type namedText struct {
	name  string
	value *string
}

// texts are the members that hold text of clients.
func (m *metadata) texts() []namedText {
	return []namedText{
		{"dataSignature", &m.DataSignature}, {"sharedKeyEnc", &m.SharedKeyEnc}, {"pubKeyCS", &m.PubKeyCS},
		{"encoding", &m.Encoding}, {"encKeyName", &m.EncKeyName}, {"encAlgo", &m.EncAlgo}, {"ivNonce", &m.IVNonce},
		{"skeEncKeyName", &m.SkeEncKeyName}, {"skeEncAlgo", &m.SkeEncAlgo},
	}
}
