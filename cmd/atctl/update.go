package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// update returns the command that stores the record as it is, dates included. With
// over it replaces another one, of which nothing shall be left.
//
// Most records fit the plain form, which all servers know. What does not survive
// there, as line feeds in a value or blanks at its ends, travels as JSON.
func (r record) update(over bool) (string, error) {
	m := r.Metadata
	if over {
		m = m.clearing()
	}
	fragments, plain := m.fragments()
	switch {
	case r.Value == nil && !plain:
		return "", errors.New("no command can carry metadata such as these without a value")
	case r.Value == nil:
		return "update:meta:" + r.Key + fragments, nil
	case plain && survives(*r.Value):
		return "update" + fragments + ":" + r.Key + " " + *r.Value, nil
	}
	body, err := r.updateJSON(m)
	return "update:json:" + body, err
}

// survives tells whether a value stays what it is in a plain command.
func survives(value string) bool {
	return value != "" && strings.TrimFunc(value, isEdge) == value && !strings.ContainsAny(value, "\n\r\x00\u2028\u2029")
}

// isEdge tells what a server may cut off the ends of a line.
func isEdge(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' }

// updateJSON renders the JSON form, whose key is the full name and whose metadata
// are those that a lookup shows.
func (r record) updateJSON(m metadata) (string, error) {
	m = m.copied()
	for _, b := range []**bool{&m.IsBinary, &m.IsEncrypted} {
		if *b == nil { // it must be there
			*b = new(bool)
		}
	}
	body, err := marshal(struct {
		Key      string `json:"atKey"`
		Value    string `json:"value"`
		Metadata any    `json:"metadata"`
	}{r.Key, *r.Value, struct {
		IsPublic bool `json:"isPublic"` // the key says it, and would say it twice
		metadata
	}{false, m}})
	return string(body), err
}

const clearedJSON = `"` + cleared + `"`

// clearing mentions all that is not set, so that an update leaves nothing of an
// older record. A server forgets no ttr; the older one stays if there is none here.
func (m metadata) clearing() metadata {
	if m.TTL == nil {
		m.TTL = new(int64)
	}
	if m.TTB == nil && m.AvailableAt.IsZero() {
		m.TTB, m.AvailableAt = new(int64), m.UpdatedAt
	}
	if m.CCD == nil {
		m.CCD = new(bool)
	}
	for _, text := range m.texts() {
		if *text.value == "" {
			*text.value = cleared
		}
	}
	if m.PubKeyHash == nil {
		m.PubKeyHash = &keyHash{Hash: cleared}
	}
	if m.AppMetadata == nil {
		m.AppMetadata = json.RawMessage(clearedJSON)
	}
	return m
}

// fragments renders the metadata in the order that servers demand. plain tells
// whether all of it fits that form.
func (m metadata) fragments() (text string, plain bool) {
	f := fragments{plain: true}
	f.number("ttl", m.TTL)
	f.number("ttb", m.TTB)
	f.number("ttr", m.TTR)
	f.truth("ccd", m.CCD)
	f.time("cAt", m.CreatedAt)
	f.time("uAt", m.UpdatedAt)
	f.time("eAt", m.ExpiresAt)
	f.time("aAt", m.AvailableAt)
	f.text("dataSignature", m.DataSignature)
	f.truth("isBinary", m.IsBinary)
	f.truth("isEncrypted", m.IsEncrypted)
	f.text("sharedKeyEnc", m.SharedKeyEnc)
	f.text("pubKeyCS", m.PubKeyCS)
	if m.PubKeyHash != nil {
		f.text("pubKeyHash", m.PubKeyHash.Hash)
		f.text("hashingAlgo", m.PubKeyHash.Algorithm)
	}
	f.text("encoding", m.Encoding)
	f.text("encKeyName", m.EncKeyName)
	f.text("encAlgo", m.EncAlgo)
	f.text("ivNonce", m.IVNonce)
	f.text("skeEncKeyName", m.SkeEncKeyName)
	f.text("skeEncAlgo", m.SkeEncAlgo)
	f.truth("immutable", m.Immutable)
	switch {
	case string(m.AppMetadata) == clearedJSON:
		f.text("appMetadata", cleared)
	case m.AppMetadata != nil:
		f.text("appMetadata", base64.StdEncoding.EncodeToString(m.AppMetadata))
	}
	return f.String(), f.plain
}

type fragments struct {
	strings.Builder
	plain bool
}

func (f *fragments) number(name string, n *int64) {
	if n != nil {
		fmt.Fprintf(f, ":%s:%d", name, *n)
	}
}

func (f *fragments) truth(name string, b *bool) {
	if b != nil {
		f.WriteString(":" + name + ":" + strconv.FormatBool(*b))
	}
}

func (f *fragments) time(name string, t stamp) {
	if !t.IsZero() {
		f.WriteString(":" + name + ":" + t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}

func (f *fragments) text(name, text string) {
	if text == "" {
		return
	}
	f.WriteString(":" + name + ":" + text)
	f.plain = f.plain && !strings.ContainsFunc(text, isBreak)
}

// isBreak tells what ends a fragment.
func isBreak(r rune) bool { return r == ':' || r == '@' || unicode.IsSpace(r) }
