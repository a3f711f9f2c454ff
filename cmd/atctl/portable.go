package main

import (
	"slices"
	"strings"

	"atserver/store/atkey"
)

// serverNames are keys that a server makes for itself; each server has its own.
var serverNames = []string{"signing_publickey", "signing_privatekey", "signing_publickeys"}

// serverNamespaces hold what a server keeps: rights, passcodes, the keys of
// enrollments, events.
var serverNamespaces = []string{"__manage", "__otp", "__pkams", "__global", "__e", "__atserver"}

// portable is the list of what leaves a server, and comes to one, as its owner's
// data: what the owner stored for themselves, for others, and for everybody. It is
// the only one, for export, import and moving alike.
//
// The keys that are encrypted for people (shared_key.bob, @bob:shared_key) and the
// public key are part of it: without them the rest cannot be read.
func portable(k atkey.Key, owner atkey.Sign) bool {
	if k.Owner != owner || k.Cached || k.Internal() || slices.Contains(serverNames, k.Name) {
		return false
	}
	switch k.Scope {
	case atkey.Self, atkey.Shared, atkey.Public:
		return !slices.ContainsFunc(serverNamespaces, k.In)
	}
	return false
}

// portableKey is portable for the text of a key.
func portableKey(text string, owner atkey.Sign) (atkey.Key, bool) {
	k, err := atkey.Parse(text)
	return k, err == nil && k.String() == text && portable(k, owner)
}

// isPublicKey tells the key that others encrypt for. It belongs to the keys that
// the server was onboarded with, so that it is never replaced by a copy.
func isPublicKey(k atkey.Key) bool {
	return k.Scope == atkey.Public && k.Name == "publickey"
}

// isSharedKey tells keys that were encrypted for one person, old ones included.
func isSharedKey(k atkey.Key) bool {
	return k.Name == "shared_key" || strings.HasPrefix(k.Name, "shared_key.")
}
