package verbs

import (
	"encoding/json"
	"errors"
)

// jsonObject is JSON of a client whose members go by their exact names. Those of a
// struct would be found in any case.
type jsonObject map[string]json.RawMessage

// has tells whether all these members are there, and not null.
func (o jsonObject) has(names ...string) bool {
	for _, name := range names {
		if raw, ok := o[name]; !ok || string(raw) == "null" {
			return false
		}
	}
	return true
}

// read reads a member, if it is there.
func (o jsonObject) read(name string, into any, what string) error {
	raw, ok := o[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return wrongType(what + ": " + name + " has the wrong type")
	}
	return nil
}

// unmarshal reads the JSON of a client.
func unmarshal(raw []byte, into any, what string) error {
	var typeError *json.UnmarshalTypeError
	err := json.Unmarshal(raw, into)
	if errors.As(err, &typeError) {
		return wrongType(what + ": " + typeError.Field + " has the wrong type")
	}
	if err != nil {
		return malformed(what)
	}
	return nil
}
