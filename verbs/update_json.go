package verbs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"atserver/store/atkey"
)

// jsonUpdate consumes the JSON form of an update (protocol, update, JSON form).
func (l *line) jsonUpdate(w *write) error {
	raw := l.all()
	if raw == "" {
		return errSyntax
	}
	const what = "the JSON of update"
	var u jsonObject
	if err := unmarshal([]byte(raw), &u, what); err != nil {
		return err
	}
	if !u.has("atKey", "value", "metadata") {
		return wrongType("atKey, value and metadata are mandatory for update:json")
	}
	var key, sharedBy, sharedWith string
	var metadata jsonObject
	for name, into := range map[string]any{
		"atKey": &key, "value": &w.value, "sharedBy": &sharedBy, "sharedWith": &sharedWith, "metadata": &metadata,
	} {
		if err := u.read(name, into, what); err != nil {
			return err
		}
	}
	isPublic, err := w.meta.setJSON(metadata)
	if err != nil {
		return err
	}
	w.key, err = l.jsonKey(key, sharedBy, sharedWith, isPublic)
	return err
}

// jsonKey builds the key from its parts. Clients give the whole name in atKey, or
// the name alone and the parts beside it: what is said twice must be the same.
func (l *line) jsonKey(name, sharedBy, sharedWith string, isPublic bool) (atkey.Key, error) {
	invalid := func() (atkey.Key, error) {
		return atkey.Key{}, invalidKey("You may not update keys of type KeyType.invalidKey")
	}
	last := name[strings.LastIndexByte(name, ':')+1:]
	if !strings.Contains(last, "@") && !hasFold(name, "privatekey:") && sharedBy != "" {
		name += "@" + strings.TrimPrefix(sharedBy, "@")
	} else if by, err := atkey.ParseSign(sharedBy); sharedBy != "" && (err != nil || !strings.HasSuffix(strings.ToLower(name), string(by))) {
		return invalid()
	}
	if isPublic && !hasFold(name, "public:") {
		name = "public:" + name
	}
	if sharedWith != "" && !strings.HasPrefix(name, "@") {
		name = "@" + strings.TrimPrefix(sharedWith, "@") + ":" + name
	}
	k, err := atkey.Parse(name)
	if err != nil {
		return invalid()
	}
	if with, err := atkey.ParseSign(sharedWith); sharedWith != "" && (err != nil || k.SharedWith != with) {
		return invalid()
	}
	if k.Owner != "" && k.Owner != l.self {
		return atkey.Key{}, foreignOwner(k.Owner, l.self)
	}
	if kind := unwritable(k); kind != "" {
		return atkey.Key{}, invalidKey("You may not update keys of type KeyType." + kind)
	}
	return k, nil
}

// unwritable names the kind of a key that no client writes, "" for others.
func unwritable(k atkey.Key) string {
	switch {
	case k.Cached && k.Scope == atkey.Public:
		return "cachedPublicKey"
	case k.Cached:
		return "cachedSharedKey"
	case k.Scope == atkey.Private:
		return "privateKey"
	case k.Scope == atkey.Local:
		return "localKey"
	}
	return ""
}

// jsonNames are the members whose names differ from those of the fragments.
var jsonNames = map[string]string{"createdAt": "cat", "updatedAt": "uat", "expiresAt": "eat", "availableAt": "aat"}

// setJSON takes what a JSON object says. Null is not said at all, but where a
// truth is due. What is no fragment means nothing.
func (f *fragments) setJSON(members jsonObject) (isPublic bool, err error) {
	for _, name := range []string{"isPublic", "isBinary", "isEncrypted"} {
		if text := string(members[name]); text != "true" && text != "false" {
			return false, wrongType("metadata." + name + " must be true or false")
		}
	}
	for member, raw := range members {
		name := strings.ToLower(member)
		if renamed := jsonNames[member]; renamed != "" {
			name = renamed
		}
		if !isFragment(name) || string(raw) == "null" {
			continue
		}
		if err := f.setMember(name, raw); err != nil {
			var known *Error
			if errors.As(err, &known) {
				return false, err
			}
			return false, wrongType("metadata." + member + " has the wrong type")
		}
	}
	return string(members["isPublic"]) == "true", nil
}

// setMember takes one member, by the name of its fragment.
func (f *fragments) setMember(name string, raw json.RawMessage) error {
	switch {
	case name == "appmetadata" && raw[0] == '{':
		var compact bytes.Buffer
		err := json.Compact(&compact, raw)
		f.appMetadata = compact.Bytes()
		return err
	case name == "pubkeyhash" && raw[0] == '{':
		var hash struct{ Hash, HashingAlgo string }
		if err := json.Unmarshal(raw, &hash); err != nil {
			return err
		}
		return errors.Join(f.setText(name, hash.Hash), f.setText("hashingalgo", hash.HashingAlgo))
	}
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	if isTimeFragment(name) {
		return f.set(name, strings.Replace(text, " ", "T", 1))
	}
	if textFields[name] != nil && raw[0] != '"' {
		return fmt.Errorf("%s is no text", name)
	}
	return f.setText(name, text)
}

// setText is set for a value that could stand in a command: what could not must
// not get into metadata either, for it is sent to others in commands.
func (f *fragments) setText(name, value string) error {
	if value == "" {
		return nil
	}
	if strings.ContainsFunc(value, isBreak) {
		return syntaxError("metadata holds a character that it cannot hold")
	}
	return f.set(name, value)
}
