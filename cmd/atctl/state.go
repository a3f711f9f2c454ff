package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"atserver/store/atkey"
)

// recall reads what a command remembered in a file: what it was doing is for errors,
// and sign tells whose state it is, which none is without. There is none without a
// file, too.
func recall[S any](file, what string, sign func(S) atkey.Sign) (state S, found bool, err error) {
	if file == "" {
		return state, false, nil
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state, false, nil
	case err != nil:
		return state, false, err
	case json.Unmarshal(text, &state) != nil || sign(state) == "":
		return state, false, fmt.Errorf("%s is no state of a %s", file, what)
	}
	return state, true, nil
}

// remember writes a state for the next run, if there is a file for it.
func remember(file string, state any) error {
	if file == "" {
		return nil
	}
	if err := replaceFile(file, func(w io.Writer) error { return json.NewEncoder(w).Encode(state) }); err != nil {
		return outputError{err}
	}
	return nil
}
