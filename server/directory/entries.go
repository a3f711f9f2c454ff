package directory

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// recheck is how long the entries file is taken to be unchanged.
const recheck = time.Second

// entries knows the address of each atSign: those given by the caller, and over them those of a file.
type entries struct {
	path string // "" when there is no file
	now  func() time.Time
	log  zerolog.Logger

	mu      sync.Mutex
	given   map[atkey.Sign]string
	listed  map[atkey.Sign]string // what the file said when it was last good
	seen    os.FileInfo           // the file when it was last read, good or bad; nil when it could not be
	checked time.Time
}

// open checks the given entries and reads the file for the first time.
func (e *entries) open() error {
	given := e.given
	e.given = make(map[atkey.Sign]string, len(given))
	for sign, address := range given {
		if err := e.set(sign, address); err != nil {
			return err
		}
	}
	if e.path == "" {
		return nil
	}
	e.checked = e.now()
	return e.read()
}

// set gives an atSign an address, in place of the one that it was given before.
func (e *entries) set(sign atkey.Sign, address string) error {
	if folded, err := atkey.ParseSign(string(sign)); err != nil {
		return fmt.Errorf("directory entry %q: %w", sign, err)
	} else if folded != sign {
		return fmt.Errorf("directory entry %q: atSign is not folded to %q", sign, folded)
	}
	if err := wire.CheckAddress(address); err != nil {
		return fmt.Errorf("directory entry %s: %w", sign, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.given[sign] = address
	return nil
}

// remove takes away what an atSign was given.
func (e *entries) remove(sign atkey.Sign) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.given, sign)
}

// lookup returns the address of sign, "" when it has none.
func (e *entries) lookup(sign atkey.Sign) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refresh()
	if address, ok := e.listed[sign]; ok {
		return address
	}
	return e.given[sign]
}

// refresh reads the file again if it has changed, and looks at it at most once in a while. A fault is logged once.
func (e *entries) refresh() {
	if e.path == "" {
		return
	}
	now := e.now()
	if age := now.Sub(e.checked); age >= 0 && age < recheck {
		return
	}
	e.checked = now
	info, err := os.Stat(e.path)
	if err != nil {
		if e.seen != nil {
			e.seen = nil
			e.log.Error().Err(err).Msg("directory entries cannot be read, the old ones stay")
		}
		return
	}
	if e.seen != nil && os.SameFile(info, e.seen) && info.ModTime().Equal(e.seen.ModTime()) && info.Size() == e.seen.Size() {
		return
	}
	if err := e.read(); err != nil {
		e.log.Error().Err(err).Msg("directory entries cannot be read, the old ones stay")
		return
	}
	e.log.Info().Int("entries", len(e.listed)).Msg("directory entries read again")
}

// read takes the entries from the file. What it looked like is noted first, so that a change meanwhile is noticed.
func (e *entries) read() error {
	info, err := os.Stat(e.path)
	if err != nil {
		return fmt.Errorf("directory entries: %w", err)
	}
	e.seen = info
	text, err := os.ReadFile(e.path)
	if err != nil {
		return fmt.Errorf("directory entries: %w", err)
	}
	listed, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("directory entries: %s: %w", e.path, err)
	}
	e.listed = listed
	return nil
}

// parse reads the text of an entries file. An error names the line.
func parse(text string) (map[atkey.Sign]string, error) {
	listed := make(map[atkey.Sign]string)
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.IndexAny(line, "= \t")
		if end < 0 {
			return nil, fmt.Errorf("line %d: no address", number)
		}
		sign, err := atkey.ParseSign(line[:end])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		address := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[end:]), "="))
		if err := wire.CheckAddress(address); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if _, twice := listed[sign]; twice {
			return nil, fmt.Errorf("line %d: %s is listed twice", number, sign)
		}
		listed[sign] = address
	}
	return listed, nil
}
