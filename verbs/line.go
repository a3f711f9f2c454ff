package verbs

import (
	"strings"

	"atserver/store/atkey"
)

// normalise folds the part of a command in front of its first colon: lower case,
// no blanks. Without a colon the whole command is lower-cased. The pattern of
// "scan <regex>" is left alone although it may hold a colon.
func normalise(text string) string {
	if hasFold(text, "scan ") && strings.Contains(text, ":") && !strings.HasPrefix(strings.TrimLeft(text[4:], " "), ":") {
		return "scan" + text[4:]
	}
	colon := strings.IndexByte(text, ':')
	if colon < 0 {
		return strings.ToLower(text)
	}
	for i := 0; i < colon; i++ {
		if c := text[i]; c < 'a' || c > 'z' {
			return strings.ReplaceAll(strings.ToLower(text[:colon]), " ", "") + text[colon:]
		}
	}
	return text
}

// letters returns the word that s begins with; "@" counts because of "@exit".
func letters(s string) string {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] == '@') {
		i++
	}
	return s[:i]
}

// hasFold reports whether s begins with an ASCII word in any case.
func hasFold(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word)
}

// line is a scanner over the arguments of one command, from the colon behind the
// verb's name on. Its words match in any case.
type line struct {
	rest string
	self atkey.Sign // this server's atSign
}

// take consumes a word if it comes next.
func (l *line) take(word string) bool {
	if !hasFold(l.rest, word) {
		return false
	}
	l.rest = l.rest[len(word):]
	return true
}

// option consumes a word if it comes next and a colon follows, which stays.
func (l *line) option(word string) bool {
	if !hasFold(l.rest, word) || !strings.HasPrefix(l.rest[len(word):], ":") {
		return false
	}
	return l.take(word)
}

// end reports whether everything is consumed.
func (l *line) end() bool { return l.rest == "" }

// all consumes the rest.
func (l *line) all() string {
	rest := l.rest
	l.rest = ""
	return rest
}
