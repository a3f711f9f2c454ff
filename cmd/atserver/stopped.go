package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"

	"atserver/server/backup"
	"atserver/store"
	"atserver/store/atkey"
)

// open opens the data of a server that does not run, as it is.
func (c *backupCmd) open() (s backup.Source, err error) {
	if s.Dir, err = c.folder(); err != nil {
		return s, err
	}
	if err := backup.CheckFinished(s.Dir); err != nil {
		return s, err
	}
	data := filepath.Join(s.Dir, backup.Store)
	if _, err := os.Stat(data); err != nil {
		return s, fmt.Errorf("no server runs on %s, and it holds no data of one: %w", s.Dir, err)
	}
	whose := cmp.Or(c.AtSign, filepath.Base(s.Dir))
	if c.AtSign == "" && !strings.HasPrefix(whose, "@") {
		return s, errors.New("no server runs on this data folder: say with --atsign whose it is")
	}
	if s.Sign, err = atkey.ParseSign(whose); err != nil {
		return s, err
	}
	s.RootSecret, s.From = cmp.Or(c.Root, filepath.Join(s.Dir, backup.RootSecret)), "data folder"
	s.DB, err = store.Open(store.Options{Dir: data, RootSecret: s.RootSecret, Sign: s.Sign, Log: faults(), AsIs: true})
	return s, err
}

// faults is the log of a command that is over soon: what goes wrong, for people.
func faults() zerolog.Logger {
	return zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, NoColor: true, PartsExclude: []string{zerolog.TimestampFieldName}}).Level(zerolog.ErrorLevel)
}
