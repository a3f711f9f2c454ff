package atkey

import "strings"

// Reserved names the rule that a key falls under besides, or instead of, that of
// its namespace. Only whole, exact forms are reserved: x.shared_key.buzz@alice
// is an ordinary key of the namespace buzz.
type Reserved uint8

const (
	NotReserved Reserved = iota
	SharedKey            // @y:shared_key@x and shared_key.y@x: the symmetric key of a pair
	PublicKey            // public:publickey@x, public:signing_publickey@x, and cached copies
	SigningKey           // @x:signing_privatekey@x
	PrivateKey           // privatekey:…: credentials of the atSign
	BlockList            // private:blocklist@x
	ConfigKey            // configkey
)

// Reserved returns the rule that k falls under.
func (k Key) Reserved() Reserved {
	switch k.Scope {
	case Server:
		if strings.HasPrefix(k.Name, "privatekey:") {
			return PrivateKey
		}
		if k.Name == "configkey" {
			return ConfigKey
		}
	case Public:
		if k.Name == "publickey" || k.Name == "signing_publickey" {
			return PublicKey
		}
	case Private:
		if k.Name == "blocklist" && k.SharedWith == "" {
			return BlockList
		}
	case Shared:
		if k.Name == "shared_key" && !k.Cached {
			return SharedKey
		}
		if k.Name == "signing_privatekey" {
			return SigningKey
		}
	case Self:
		peer, found := strings.CutPrefix(k.Name, "shared_key.")
		if found && all(peer, isBodyRune) {
			return SharedKey
		}
	}
	return NotReserved
}

// isPrivateKeyName lists what may follow "privatekey:", folded.
func isPrivateKeyName(name string) bool {
	switch name {
	case "at_pkam_publickey", "at_pkam_privatekey", "privatekey", "self_encryption_key",
		"at_secret", "at_secret_deleted", "signing_keypair_generated",
		"commitlogcompactionstats", "accesslogcompactionstats", "notificationcompactionstats":
		return true
	}
	return false
}
