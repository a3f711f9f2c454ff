package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/term"
)

// secretFile is where a bootstrap secret of our own making waits for its owner
// when there is no terminal to show it on.
type secretFile string

// deliver shows the secret on a terminal, or leaves it in the file.
func (f secretFile) deliver(secret string) error {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		fmt.Printf("CRAM secret for onboarding, shown only this once:\n\n    %s\n\n", secret)
		return nil
	}
	file, err := os.OpenFile(string(f), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = file.Chmod(0o600) // it may have been there
	if err == nil {
		_, err = fmt.Fprintln(file, secret)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// remind tells where the secret is as long as it is good, and removes it after.
func (f secretFile) remind(good bool) error {
	if !good {
		if err := os.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a CRAM secret that is used up: %w", err)
		}
		return nil
	}
	if _, err := os.Stat(string(f)); err == nil {
		fmt.Printf("the CRAM secret for onboarding is in %s\n", f)
	}
	return nil
}
