package verbs

import "atserver/enroll"

// Settings are shown and changed in testing mode only: elsewhere the three
// operations tell that they are disabled, which is no error.
var disabled = []byte("testing mode disabled by default")

// rules is the need of verbs that act on the atSign itself.
func rules[A any](*Call, A) []enroll.Need { return []enroll.Need{enroll.ToRule()} }

// inTesting answers with what do returns, if the server is in testing mode.
func (c *Call) inTesting(do func() ([]byte, error)) (Reply, error) {
	if !c.TestingMode {
		return Reply{Data: disabled}, nil
	}
	data, err := do()
	return Reply{Data: data}, err
}

// settingName consumes ":name" to the end.
func (l *line) settingName() (string, error) {
	if !l.take(":") || l.end() {
		return "", errSyntax
	}
	return l.all(), nil
}
