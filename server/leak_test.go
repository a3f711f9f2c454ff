package server_test

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"

	"atserver/verbs"
)

// transcript collects what servers log.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.ToLower(l.b.String())
}

// vocabulary is all words that clients have sent: names of keys, values, proofs, patterns, app names.
type vocabulary struct {
	mu    sync.Mutex
	words map[string]bool
}

// word is long enough not to be found by chance.
var word = regexp.MustCompile(`[^\s:@"{}\[\],]{6,64}`)

// atSigns may be told, as that of a peer which is not reached.
var atSign = regexp.MustCompile(`@[^\s:@"{}\[\],]+`)

func (v *vocabulary) add(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(text) > 1<<16 {
		text = text[:1<<16]
	}
	for _, w := range word.FindAllString(atSign.ReplaceAllString(strings.ToLower(text), "@"), -1) {
		v.words[w] = true
	}
}

// figuresOfEnds are what the log tells of a connection that ended: whose it was, how
// long it took and how much was said. No client chooses them.
var figuresOfEnds = regexp.MustCompile(`"(enroll\.id":"[0-9a-f-]{36}"|(duration\.ms|bytes\.in|bytes\.out)":-?\d+)`)

// mustBeMissing fails if one of the words is in a log, unless it names a verb.
func (v *vocabulary) mustBeMissing(t *testing.T, log string) {
	t.Helper()
	for _, word := range []string{"remove", "expired", "command"} { // of the protocol, and of our messages
		delete(v.words, word)
	}
	for _, name := range verbs.Standard().Names() {
		for part := range strings.SplitSeq(name, ":") {
			delete(v.words, part)
		}
	}
	if len(v.words) < 100 || !strings.Contains(log, `"message":"command"`) {
		t.Fatalf("%d words were said and %d bytes logged: nothing to search", len(v.words), len(log))
	}
	log = figuresOfEnds.ReplaceAllString(log, "")
	for w := range v.words {
		if strings.Contains(log, w) {
			t.Errorf("a client said %q, and it is in the log", w)
		}
	}
}
