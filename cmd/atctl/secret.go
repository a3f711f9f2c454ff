package main

import (
	"atserver/cmd/console"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSecret bounds, in bytes, what is read as a secret.
const maxSecret = 64 << 10

// passphrase returns that of a key file which has one.
func (g *globals) passphrase(con *console.Console, path string) ([]byte, error) {
	if g.PassphraseFile != "" {
		return readSecretFile(g.PassphraseFile)
	}
	secret, err := con.Ask("Passphrase of " + path + ": ")
	if err != nil {
		return nil, fmt.Errorf("the passphrase is needed: %w; or name a file with --passphrase-file", err)
	}
	return secret, nil
}

// newPassphrase returns that for a key file to be written, nil for none. A typed
// one is asked for twice.
func (g *globals) newPassphrase(con *console.Console) ([]byte, error) {
	switch {
	case g.PassphraseFile != "":
		return readSecretFile(g.PassphraseFile)
	case !g.Passphrase:
		return nil, nil
	}
	first, err := con.Ask("New passphrase for the key file: ")
	if err != nil {
		return nil, err
	}
	again, err := con.Ask("The same again: ")
	if err != nil {
		return nil, err
	}
	if len(first) == 0 || !bytes.Equal(first, again) {
		return nil, usageError{errors.New("the two passphrases differ, or are empty")}
	}
	return first, nil
}

// enterSecret returns a secret from a file if one is named, from a person at a terminal,
// or from standard input.
func enterSecret(con *console.Console, file, prompt string) ([]byte, error) {
	switch {
	case file != "":
		return readSecretFile(file)
	case con.Typed:
		secret, err := con.Ask(prompt)
		if err == nil && len(secret) == 0 {
			err = usageError{errors.New("nothing was typed")}
		}
		return secret, err
	}
	return readSecret(con.In, "standard input")
}

// readSecretFile returns the only line of a file.
func readSecretFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSecret(f, path)
}

func readSecret(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 || bytes.ContainsAny(text, "\r\n") {
		return nil, usageError{fmt.Errorf("%s does not hold a secret of one line", name)}
	}
	return text, nil
}
