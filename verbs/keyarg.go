package verbs

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"atserver/store/atkey"
)

// cutOwner splits "name@owner" at the last "@" and checks that both sides are
// there and the owner is one word.
func cutOwner(s string) (name, owner string, ok bool) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || s[0] == ':' {
		return "", "", false
	}
	name, owner = s[:at], s[at+1:]
	return name, owner, owner != "" && !strings.ContainsFunc(owner, isBreak)
}

// isBreak tells what cannot stand inside one word of a key.
func isBreak(r rune) bool { return r == ':' || r == '@' || unicode.IsSpace(r) }

// ownKey consumes "[:public|:@recipient]:name[@owner]" up to the end: the key of
// a record that a client wants to write. It must be this server's, and of a class
// that clients may write.
func (l *line) ownKey() (atkey.Key, error) {
	typed, ok := strings.CutPrefix(l.rest, ":")
	if !ok || !isWritable(typed) {
		return atkey.Key{}, errSyntax
	}
	l.rest = ""
	owner, err := checkSigns(typed)
	if err != nil {
		return atkey.Key{}, err
	}
	if owner != "" && owner != l.self {
		return atkey.Key{}, foreignOwner(owner, l.self)
	}
	k, err := atkey.Parse(typed)
	if err != nil {
		return atkey.Key{}, invalidKey("You may not update keys of type KeyType.invalidKey")
	}
	return k, nil
}

// checkSigns looks at the recipient and the owner of a key as it was typed, and
// returns the owner, "" where none is named. A name that is no atSign ends the
// connection, which is not so for a name that is no key.
func checkSigns(typed string) (owner atkey.Sign, err error) {
	if hasFold(typed, "cached:") {
		typed = typed[len("cached:"):]
	}
	if strings.HasPrefix(typed, "@") {
		recipient, rest, _ := strings.Cut(typed, ":")
		if _, err := checkSign(recipient); err != nil {
			return "", err
		}
		typed = rest
	}
	if at := strings.LastIndexByte(typed, '@'); at > 0 {
		return checkSign(typed[at:])
	}
	return "", nil
}

// checkSign reads an atSign. One that is too long is left for the key to be wrong.
func checkSign(text string) (atkey.Sign, error) {
	if utf8.RuneCountInString(text) > 1+atkey.MaxSign {
		return "", nil
	}
	return atkey.ParseSign(text)
}

func foreignOwner(owner, self atkey.Sign) error {
	return invalidKey(fmt.Sprintf("Invalid update command - sharedBy atsign %s should be same as current atsign %s", owner, self))
}

// isWritable is the grammar of the names that clients write.
func isWritable(typed string) bool {
	if hasFold(typed, "privatekey:") {
		return strings.EqualFold(typed, "privatekey:at_pkam_publickey")
	}
	rest := typed
	if hasFold(rest, "public:") {
		rest = rest[len("public:"):]
	} else if strings.HasPrefix(rest, "@") {
		recipient, after, ok := strings.Cut(rest[1:], ":")
		if !ok || recipient == "" || strings.ContainsFunc(recipient, isBreak) {
			return false
		}
		rest = after
	}
	name, owner, found := strings.Cut(rest, "@")
	return name != "" && !strings.ContainsFunc(name, isBreak) &&
		(!found || owner != "" && !strings.ContainsFunc(owner, isBreak))
}

// checkLength refuses a key that is longer than the protocol allows.
func checkLength(k atkey.Key) error {
	if n := k.Length(); n > k.MaxLength() {
		return invalidKey(fmt.Sprintf("key length %d is greater than max allowed %d chars", n, k.MaxLength()))
	}
	return nil
}
