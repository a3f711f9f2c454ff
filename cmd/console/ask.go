package console

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"
)

// ErrInterrupted says that a person would not answer.
var ErrInterrupted = errors.New("interrupted")

// askTerminal prompts on the terminal of the process, whatever its standard input
// and output are, and reads a line without showing it. An interrupt ends that, and
// leaves the terminal as it was.
func askTerminal(prompt string) (secret []byte, err error) {
	err = onTerminal(prompt, func(tty *os.File) (err error) {
		secret, err = term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(tty)
		return err
	})
	return secret, err
}

// confirmTerminal asks on the terminal of the process. Only y and yes are yes.
func confirmTerminal(question string) (yes bool, err error) {
	err = onTerminal(question, func(tty *os.File) error {
		answer, err := bufio.NewReader(tty).ReadString('\n')
		answer = strings.ToLower(strings.TrimSpace(answer))
		yes = answer == "y" || answer == "yes"
		return err
	})
	return yes, err
}

func onTerminal(prompt string, read func(tty *os.File) error) error {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return errors.New("there is no terminal to ask on")
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	fmt.Fprint(tty, prompt)
	answered := make(chan error, 1)
	go func() { answered <- read(tty) }()
	select {
	case err := <-answered:
		tty.Close()
		return err
	case <-interrupted: // the read goes on until the process ends, which is soon
		term.Restore(int(tty.Fd()), before)
		fmt.Fprintln(tty)
		return ErrInterrupted
	}
}
