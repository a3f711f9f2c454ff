package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

var (
	ErrNotFound = errors.New("not found")
	ErrTooLarge = errors.New("update is too large")
	ErrReadOnly = errors.New("write in a read-only transaction")
	ErrNoSpace  = errors.New("no space left for the database")
	ErrClosed   = errors.New("database is closed")
	// ErrBroken says that a write failed halfway. What of it is on disk nobody
	// knows, so nothing is written any more until the database is opened again.
	ErrBroken = errors.New("writing the database failed, it takes no more changes until it is opened again")

	errOver  = errors.New("transaction used after it ended")
	errMoved = errors.New("value was replaced since it was looked at")
)

// damaged wraps what Badger says about a row that it cannot read. Its text may
// run over lines and name the row, so it is cut to its kind.
func damaged(err error) error {
	if errors.Is(err, badger.ErrDBClosed) {
		return ErrClosed
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if i := strings.LastIndex(text, "error: "); i >= 0 {
		text = text[i+len("error: "):]
	}
	return fmt.Errorf("read the database: %s", text)
}
