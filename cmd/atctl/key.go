package main

import (
	"fmt"
	"strings"

	"atserver/store/atkey"
)

// parseKey reads what a person types for a key: name.namespace, to which the
// owner is added, or the key in full.
func parseKey(text string, owner atkey.Sign, public bool) (atkey.Key, error) {
	full := text
	if public && !strings.HasPrefix(full, "public:") {
		full = "public:" + full
	}
	if !strings.Contains(full[strings.LastIndexByte(full, ':')+1:], "@") {
		full += string(owner)
	}
	key, err := atkey.Parse(full)
	if err != nil {
		return atkey.Key{}, usageError{fmt.Errorf("%q is no key: write name.namespace, or a full key such as public:phone.wavi%s", text, owner)}
	}
	return key, nil
}

// own reports whether key is one whose value atctl writes: the owner's own, or
// public, and no copy of somebody else's.
func own(key atkey.Key, owner atkey.Sign) bool {
	return key.Owner == owner && !key.Cached && (key.Scope == atkey.Public || forSelf(key, owner))
}

// forSelf reports whether the value of key is for its owner alone; @alice:x@alice
// is that as well as x@alice.
func forSelf(key atkey.Key, owner atkey.Sign) bool {
	return key.Owner == owner && !key.Cached &&
		(key.Scope == atkey.Self || key.Scope == atkey.Shared && key.SharedWith == owner)
}

// addressed is the key with the reader in it: phone.wavi@bob is, to another one than
// @bob, what he shares with that one.
func addressed(key atkey.Key, reader atkey.Sign) atkey.Key {
	if key.Scope == atkey.Self && key.Owner != reader {
		key.Scope, key.SharedWith = atkey.Shared, reader
	}
	return key
}

// scope says in words whom a key is for.
func scope(key atkey.Key, owner atkey.Sign) string {
	words := map[atkey.Scope]string{
		atkey.Self: "self", atkey.Public: "public", atkey.Private: "private", atkey.Local: "local", atkey.Server: "server",
	}[key.Scope]
	switch {
	case forSelf(key, owner):
		words = "self"
	case key.Scope == atkey.Shared && key.Owner == owner:
		words = "for " + string(key.SharedWith)
	case key.Scope == atkey.Shared:
		words = "from " + string(key.Owner)
	}
	if key.Cached {
		words += ", cached"
	}
	return words
}
