package main

import (
	"fmt"
	"os"
	"strings"

	"atserver/store/atkey"
)

// readSecrets reads the CRAM secrets of a network from a file, "" is none.
func readSecrets(path string, signs []atkey.Sign) (map[atkey.Sign]string, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("CRAM secrets: %w", err)
	}
	secrets, err := parseSecrets(string(raw), signs)
	if err != nil {
		return nil, fmt.Errorf("CRAM secrets: %s: %w", path, err)
	}
	return secrets, nil
}

// parseSecrets reads lines of the form @alice:SECRET, or of secrets only in the order of the atSigns. An error names
// the line and nothing that is on it.
func parseSecrets(text string, signs []atkey.Sign) (map[atkey.Sign]string, error) {
	known := make(map[atkey.Sign]bool)
	for _, sign := range signs {
		known[sign] = true
	}
	secrets := make(map[atkey.Sign]string)
	number, bare := 0, 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, secret, named := strings.Cut(line, ":")
		if named = named && line[0] == '@'; !named {
			if bare == len(signs) {
				return nil, fmt.Errorf("line %d: more secrets than atSigns", number)
			}
			name, secret = string(signs[bare]), line
			bare++
		}
		if bare > 0 && named {
			return nil, fmt.Errorf("line %d: an atSign is named, but not on all lines", number)
		}
		sign, err := atkey.ParseSign(name)
		if err != nil || !known[sign] {
			return nil, fmt.Errorf("line %d: no atSign of this network", number)
		}
		if secrets[sign] != "" {
			return nil, fmt.Errorf("line %d: a second secret of %s", number, sign)
		}
		if secrets[sign] = strings.TrimSpace(secret); secrets[sign] == "" {
			return nil, fmt.Errorf("line %d: no secret", number)
		}
	}
	return secrets, nil
}
