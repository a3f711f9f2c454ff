package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"atserver/store"
	"atserver/store/atkey"
)

// Source is what is copied.
type Source struct {
	DB         *store.DB
	Sign       atkey.Sign
	Dir        string // data folder
	RootSecret string // file; "" is that in the data folder
	From       string // whence it was asked for, for the audit trail
}

// Order is what copy is wanted.
type Order struct {
	Recipients []string // of age; none: the copy is not encrypted
	Parent     string   // checksum of the copy to be continued, "" for one of everything
	Mark       string   // of that copy
}

// ErrUnchanged says that an increment would be empty.
var ErrUnchanged = errors.New("nothing has changed since the last copy")

// OrderError says that an order cannot be carried out as it is.
type OrderError struct{ Reason string }

func (e *OrderError) Error() string { return e.Reason }

// Copy is one about to be written.
type Copy struct {
	source     Source
	header     Header
	since      store.Mark
	recipients []age.Recipient
}

// Begin gets a copy ready. The errors that have a name are ErrUnchanged, OrderError
// and store.ErrUnmarked: the increment cannot be made, a copy of everything can.
// A copy of everything is in the audit trail.
func (s Source) Begin(o Order, now time.Time) (*Copy, error) {
	c := &Copy{source: s, header: Header{
		Format: format, Version: version, Sign: s.Sign, Made: now.UTC().Truncate(time.Second),
		Parent: o.Parent, Encrypted: len(o.Recipients) > 0,
	}}
	var err error
	if c.header.Encrypted {
		if c.recipients, err = age.ParseRecipients(strings.NewReader(strings.Join(o.Recipients, "\n"))); err != nil {
			return nil, &OrderError{"a recipient is none of age: " + err.Error()}
		}
	}
	if o.Parent != "" {
		if err := c.follow(o.Mark); err != nil {
			return nil, err
		}
	} else if err := s.DB.Verify(); err != nil {
		return nil, err
	}
	err = s.DB.Update(func(tx *store.Tx) error {
		mark, err := tx.Mark()
		c.header.Mark = mark.String()
		if err == nil && o.Parent == "" {
			err = tx.Audit(store.Event{Actor: "operator", Action: "backup", Outcome: "allow", From: s.From})
		}
		return err
	})
	return c, err
}

// follow finds out whether there is anything to tell since a mark.
func (c *Copy) follow(mark string) (err error) {
	if c.since, err = store.ParseMark(mark); err != nil {
		return &OrderError{err.Error()}
	}
	return c.source.DB.View(func(tx *store.Tx) error {
		changed, err := tx.Changed(c.since)
		if err == nil && !changed {
			err = ErrUnchanged
		}
		return err
	})
}

// Write writes the copy. What was written before an error is none.
func (c *Copy) Write(out io.Writer) error {
	header, err := json.Marshal(c.header)
	if err != nil {
		return err
	}
	parts, err := newPartWriter(out, append(header, '\n'))
	if err != nil {
		return err
	}
	var stream io.WriteCloser = parts
	if c.header.Encrypted {
		if stream, err = age.Encrypt(parts, c.recipients...); err != nil {
			return fmt.Errorf("encrypt: %w", err)
		}
	}
	if err := c.entries(&entryWriter{out: stream}); err != nil {
		return err
	}
	if c.header.Encrypted {
		if err := stream.Close(); err != nil {
			return err
		}
	}
	return parts.Close()
}

func (c *Copy) entries(w *entryWriter) error {
	all, err := files(c.source.Dir, c.source.RootSecret)
	if err != nil {
		return err
	}
	for _, f := range all {
		if err := w.file(f); err != nil {
			return err
		}
	}
	err = c.source.DB.View(func(tx *store.Tx) error {
		if c.header.Parent == "" {
			return tx.Everything(w.change)
		}
		return tx.Since(c.since, w.change)
	})
	if err != nil {
		return err
	}
	return w.write(entryEnd)
}
