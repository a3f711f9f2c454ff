package verbs

import (
	"testing"
)

// TestFind: the odd spellings of protocol auth §1.4 lead to the verb, and
// nothing else does.
func TestFind(t *testing.T) {
	set := Standard()
	for _, c := range []struct{ line, verb, rest string }{
		{"from:@alice", "from", ":@alice"},
		{"FROM:@ALICE", "from", ":@ALICE"},
		{"f r o m:@a", "from", ":@a"},
		{" From :@a b", "from", ":@a b"},
		{"from", "", "from"},
		{"fromage:@a", "", "fromage:@a"},
		{"from@alice", "", "from@alice"},
		{"cram:0A", "cram", ":0A"},
		{"PKAM:signingAlgo:rsa2048:X", "pkam", ":signingAlgo:rsa2048:X"},
		{"update:Phone@Alice Hello World", "update", ":Phone@Alice Hello World"},
		{"u p d a t e:x@alice a: b", "update", ":x@alice a: b"},
		{"UPDATE:TTL:5:x@alice V", "update", ":TTL:5:x@alice V"},
		{"update x@alice v", "", "update x@alice v"},
		{"update", "", "update"},
		{"updates:x@alice v", "", "updates:x@alice v"},
		{"llookup:ALL:x@alice", "llookup", ":ALL:x@alice"},
		{"lookup:x@alice", "lookup", ":x@alice"},
		{"look up:x@alice", "lookup", ":x@alice"},
		{"delete:@bob:x@alice", "delete", ":@bob:x@alice"},
		{"noop:0", "noop", ":0"},
		{"NOOP:0", "noop", ":0"},
		{"info", "info", ""},
		{"INFO", "info", ""},
		{"info:brief", "info", ":brief"},
		{"INFO:BRIEF", "info", ":BRIEF"},
		{"infos", "", "infos"},
		{"info:briefly", "info", ":briefly"},
		{"enroll:request:{\"a\":1}", "enroll:request", ":{\"a\":1}"},
		{"ENROLL:request:{}", "enroll:request", ":{}"},
		{"e n roll:request{\"A\":\"B:c\"}", "enroll:request", "{\"A\":\"B:c\"}"},
		{"enroll:request", "enroll:request", ""},
		{"enroll:REQUEST:{}", "", "enroll:REQUEST:{}"},
		{"UPDATE:Meta:x@a", "update:meta", ":x@a"},
		{"update:meta", "update:meta", ""},
		{"update:meta@alice v", "update", ":meta@alice v"},
		{"update:metadata:x@alice v", "update", ":metadata:x@alice v"},
		{"sync:FROM:1", "sync:from", ":1"},
		{"sync:1", "", "sync:1"},
		{"STATS", "stats", ""},
		{"stats:3:.wavi", "stats", ":3:.wavi"},
		{"statsn", "stats", "n"},
		{"staats", "", "staats"},
		{"enroll:requests:{}", "", "enroll:requests:{}"},
		{"enroll:", "", "enroll:"},
		{"enroll", "", "enroll"},
		{"@exit", "@exit", ""},
		{"@EXIT", "@exit", ""},
		{"@exit now", "@exit", " now"},
		{"exit", "", "exit"},
		{"e@xit", "", "e@xit"},
		{"", "", ""},
		{" ", "", " "},
		{":", "", ":"},
		{"::", "", "::"},
		{":from:@alice", "", ":from:@alice"},
		{"\tfrom:@alice", "", "\tfrom:@alice"}, // the framer trims; inside, a tab is no blank
		{"42:x", "", "42:x"},
		{"ſcan", "", "ſcan"},

		// scan: what matters is where the first colon is, and the pattern stays.
		{"scan", "scan", ""},
		{"SCAN", "scan", ""},
		{"scan .wavi", "scan", " .wavi"},
		{"SCAN .Wavi", "scan", " .wavi"},
		{"scan public:.*", "scan", " public:.*"},
		{"SCAN @Bob:.*X Y", "scan", " @Bob:.*X Y"},
		{"scan  public:A", "scan", "  public:A"},
		{"scan:showHidden:true .Wavi", "scan", ":showHidden:true .Wavi"},
		{"scan :showhidden:true", "scan", ":showhidden:true"},
		{"s c a n:showhidden:true", "scan", ":showhidden:true"},
		{"scan.*", "scan", ".*"}, // whatever begins so is a scan, if a wrong one
		{"scan(?:a)", "scan", "(?:a)"},
		{"scanner", "scan", "ner"},
		{"scans:x", "scan", "s:x"},
		{"sca:n", "", "sca:n"},
	} {
		cmd := set.Find(c.line)
		if cmd.Name() != c.verb || cmd.rest != c.rest {
			t.Errorf("Find(%q) = %q, %q; want %q, %q", c.line, cmd.Name(), cmd.rest, c.verb, c.rest)
		}
	}
}

// TestNormalise where Find does not show it.
func TestNormalise(t *testing.T) {
	for text, want := range map[string]string{
		"UPDATE":               "update",
		"Ab Cd":                "ab cd",
		"A B:C D":              "ab:C D",
		"ab:C D":               "ab:C D",
		"ÄB C:Ä":               "äbc:Ä",
		"a1:B":                 "a1:B",
		"A\tB:C":               "a\tb:C",
		"Monitor .Buzz:x":      "monitor.buzz:x",
		"scan :SHOWHIDDEN:t A": "scan:SHOWHIDDEN:t A",
		"Scan A:B":             "scan A:B",
		"scan \xff:B":          "scan \xff:B",
		"\u212aAB:C":           "kab:C", // KELVIN SIGN
		"":                     "",
	} {
		if got := normalise(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestScanner(t *testing.T) {
	l := line{rest: ":Meta:All:x@y@z"}
	if l.take("meta:") || !l.take(":META:") || l.take("al:") || !l.take("all:") || l.end() {
		t.Fatalf("left %q", l.rest)
	}
	if l.all() != "x@y@z" || !l.end() || l.take("x") || !l.take("") {
		t.Errorf("left %q", l.rest)
	}
	// A word is ASCII: no letter that merely folds to one counts, and no rune is cut.
	for _, text := range []string{"privateKey:", "pſ", "\u212a", "privat"} {
		if l := (line{rest: text}); l.take("privatek:") || l.rest != text {
			t.Errorf("%q begins with privatek:", text)
		}
	}
}

// TestCutOwner: the last "@" parts name and owner.
func TestCutOwner(t *testing.T) {
	for text, want := range map[string][2]string{
		"x@alice": {"x", "alice"}, "a@b@alice": {"a@b", "alice"}, "public:x@alice": {"public:x", "alice"}, "a b@alice": {"a b", "alice"},
		"x": {}, "@alice": {}, "x@": {}, ":x@alice": {}, "x@al ice": {}, "x@a:b": {}, "x@a\u00a0b": {}, "": {}, "@": {},
	} {
		name, owner, ok := cutOwner(text)
		if ok != (want[1] != "") || ok && [2]string{name, owner} != want {
			t.Errorf("%q is cut to %q, %q, %v", text, name, owner, ok)
		}
	}
}

func TestIsWritable(t *testing.T) {
	for text, want := range map[string]bool{
		"x@alice": true, "x.wavi@alice": true, "x": true, "_x": true, "public:x@alice": true, "PUBLIC:x@alice": true,
		"@bob:x@alice": true, "@bob:x": true, "privatekey:at_pkam_publickey": true, "PrivateKey:AT_pkam_publickey": true, "public@alice": true,
		"privatekey:at_secret": false, "privatekey:x@alice": false, "cached:x@alice": false, "cached:public:x@bob": false, "local:x@alice": false,
		"private:x@alice": false, "public:@bob:x@alice": false, "@bob:@carol:x@alice": false, "@bob@alice": false, "@:x@alice": false,
		"public:public:x@alice": false, "": false, "@alice": false, "@bob:": false, "@bob:@alice": false, "x@": false, "x@@alice": false, "x@a@b": false,
		"x y@alice": false, "x@al ice": false, "x\u2003y@alice": false, "a:b@alice": false, "public:": false,
	} {
		if isWritable(text) != want {
			t.Errorf("%q writable: %v", text, !want)
		}
	}
}
