package atkey

import "unicode"

// isNameRune tells whether r may stand in the name of a key.
func isNameRune(r rune) bool {
	if r < 0x80 {
		return isBodyRune(r) || r == '.' || r == '\'' || r == '*' || r == '"'
	}
	return isBodyRune(r)
}

// isBodyRune tells whether r may stand in an atSign that is part of a key.
func isBodyRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
		return true
	case r < 0x80:
		return false
	}
	return isEmoji(r) && !unicode.IsSpace(r)
}

// isEmoji is the protocol's own idea of an emoji (protocol, key grammar): a few
// whole blocks, variation selectors, and the emoji planes.
func isEmoji(r rune) bool {
	return r == 0xA9 || r == 0xAE ||
		r >= 0x2000 && r <= 0x3300 ||
		r >= 0xFE00 && r <= 0xFE0F ||
		r >= 0x1F000 && r <= 0x1FBFF
}

// all reports whether s is not empty and every rune of it passes. Bytes that are
// no UTF-8 decode to U+FFFD, which is in no class.
func all(s string, pass func(rune) bool) bool {
	if s == "" {
		return false
	}
	for _, r := range s {
		if !pass(r) {
			return false
		}
	}
	return true
}
