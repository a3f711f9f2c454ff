package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"atserver/verbs/wire"
)

// What replies must say of a state.

type (
	moment known  // a number of ms, shown as a time
	object string // JSON
)

// fields are the members of its metadata.
func (r *record) fields() map[string]any {
	f := map[string]any{
		"createdBy": "@alice", "updatedBy": "@alice", "status": "active",
		"createdAt": moment(r.created), "updatedAt": moment(r.updated), "version": exactly(r.version),
		"isBinary": r.binary, "isEncrypted": r.encrypted,
	}
	for name, at := range map[string]*known{"availableAt": r.available, "expiresAt": r.expires, "refreshAt": r.refresh} {
		if at != nil {
			f[name] = moment(*at)
		}
	}
	for name, n := range map[string]*known{"ttl": r.ttl, "ttb": r.ttb} {
		if n != nil {
			f[name] = *n
		}
	}
	if r.ttr != nil {
		f["ttr"] = exactly(*r.ttr)
	}
	for name, b := range map[string]*bool{"ccd": r.ccd, "immutable": r.immutable} {
		if b != nil {
			f[name] = *b
		}
	}
	for name, text := range r.texts {
		f[name] = text
	}
	if r.hash != nil {
		f["pubKeyHash"] = *r.hash
	}
	if r.app != "" {
		f["appMetadata"] = object(r.app)
	}
	return f
}

// match compares metadata. In the log all of it is text.
func (r *record) match(got any, text bool) error {
	members, ok := got.(map[string]any)
	if !ok {
		return fmt.Errorf("metadata %v", got)
	}
	want := r.fields()
	for name := range members {
		if want[name] == nil {
			return fmt.Errorf("%s is there", name)
		}
	}
	for name, w := range want {
		if !same(w, members[name], text) {
			return fmt.Errorf("%s is %v, want %s", name, members[name], shown(w))
		}
	}
	return nil
}

// same compares one member of metadata.
func same(want, got any, text bool) bool {
	if n, ok := got.(json.Number); ok != (isNumber(want) && !text) {
		return false
	} else if ok {
		got = n.String()
	}
	s, isText := got.(string)
	switch want := want.(type) {
	case string:
		return got == want
	case bool:
		return text && s == strconv.FormatBool(want) || !text && got == want
	case known:
		n, err := strconv.ParseInt(s, 10, 64)
		return err == nil && want.is(n)
	case moment:
		const layout = "2006-01-02 15:04:05.000Z"
		at, err := time.Parse(layout, s)
		return err == nil && at.Format(layout) == s && known(want).is(at.UnixMilli())
	case hash:
		if text {
			got = decoded(s)
		}
		return reflect.DeepEqual(got, map[string]any{"hash": want.Hash, "hashingAlgo": want.Algorithm})
	case object:
		if text {
			raw, err := base64.StdEncoding.DecodeString(s)
			if err != nil || !isText {
				return false
			}
			got = decoded(string(raw))
		}
		return reflect.DeepEqual(got, decoded(string(want)))
	}
	return false
}

func isNumber(want any) bool { _, ok := want.(known); return ok }

// shown is for people.
func shown(want any) string {
	k, ok := want.(known)
	if m, is := want.(moment); is {
		k, ok = known(m), true
	}
	if ok && k.at != nil {
		return fmt.Sprintf("%d and %d times %d to %d", k.plus, k.sign, k.at.first, k.at.last)
	}
	return fmt.Sprint(want)
}

// decoded is a JSON value, nil if it is none.
func decoded(text string) (value any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) != nil || d.More() {
		return nil
	}
	return value
}

// missing is the answer to reading what is not there.
func missing(key string) *wire.Error {
	return &wire.Error{Code: "AT0015", Text: "key not found : " + key + " does not exist in keystore"}
}

// wantRead compares the reply to a lookup: form is "", "meta:" or "all:". What may
// fade and is found gone is gone from then on.
func (e *entry) wantRead(form, payload string, refused *wire.Error, stranger bool) error {
	if refused != nil {
		want := missing(e.key())
		if stranger {
			want.Text = strings.Replace(want.Text, "key not found : ", "Exception: ", 1)
		}
		if *refused != *want {
			return fmt.Errorf("refused with %v", refused)
		}
		if e.record != nil && !e.fades() {
			return fmt.Errorf("it is gone: %v", refused)
		}
		e.state = state{logged: e.logged && e.record == nil, id: e.id, op: e.op, when: e.when}
		return nil
	}
	if e.record == nil {
		return fmt.Errorf("got %.200q of what is not there", payload)
	}
	if e.unborn() || e.expired() {
		if payload != "null" {
			return fmt.Errorf("got %.200q of what is not alive", payload)
		}
		return nil
	}
	switch form {
	case "meta:":
		return e.match(decoded(payload), false)
	case "all:":
		return e.wantAll(payload)
	}
	want := "null"
	if e.value != nil {
		want = strings.TrimPrefix(*e.value, "data:") // which the reply begins with anyway
	}
	if payload != want {
		return fmt.Errorf("got %.200q, want %.200q", payload, want)
	}
	return nil
}

// wantAll compares {"key":…,"data":…,"metaData":{…}}.
func (e *entry) wantAll(payload string) error {
	got, _ := decoded(payload).(map[string]any)
	want := 3
	if e.value == nil {
		want = 2
	} else if got["data"] != *e.value {
		return fmt.Errorf("data is %.200q, want %.200q", got["data"], *e.value)
	}
	if len(got) != want || got["key"] != e.key() {
		return fmt.Errorf("got %.200q", payload)
	}
	return e.match(got["metaData"], false)
}

// wantEntry compares an entry of the log as sync shows it.
func (e *entry) wantEntry(got map[string]any) error {
	id, _ := got["commitId"].(json.Number)
	if !e.logged || id.String() != strconv.FormatInt(e.id, 10) || got["operation"] != e.op || len(got) != 5 {
		return fmt.Errorf("%s: entry %v, %v of %d members; want %d, %s, logged %v",
			e.key(), id, got["operation"], len(got), e.id, e.op, e.logged)
	}
	for _, name := range []string{"value", "metadata"} {
		if _, ok := got[name]; !ok {
			return fmt.Errorf("%s: no %s", e.key(), name)
		}
	}
	if e.record == nil {
		if got["value"] != nil || got["metadata"] != nil {
			return fmt.Errorf("%s: a deleted one with %v, %v", e.key(), got["value"], got["metadata"])
		}
		return nil
	}
	if e.value == nil && got["value"] != nil || e.value != nil && got["value"] != *e.value {
		return fmt.Errorf("%s: value %.200v", e.key(), got["value"])
	}
	if err := e.match(got["metadata"], true); err != nil {
		return fmt.Errorf("%s: %w", e.key(), err)
	}
	return nil
}
