package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"atserver/store/atkey"
)

// secretFile is where a bootstrap secret of our own making waits for its owner
// when there is no terminal to show it on.
type secretFile string

// deliver shows the secret on a terminal, or leaves it in the file.
func (f secretFile) deliver(sign atkey.Sign, secret string) error {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		fmt.Printf("CRAM secret for onboarding %s, shown only this once:\n\n    %s\n\n", sign, secret)
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

// remind tells where the secret waits, if it does.
func (f secretFile) remind() {
	if f.waits() {
		fmt.Printf("the CRAM secret for onboarding is in %s\n", f)
	}
}

func (f secretFile) waits() bool {
	_, err := os.Stat(string(f))
	return err == nil
}

// discard removes a secret that is good for nothing any more.
func (f secretFile) discard(log zerolog.Logger) {
	if err := os.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error().Err(err).Msg("Used CRAM secret not removed")
	}
}
