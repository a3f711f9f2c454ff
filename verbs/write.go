package verbs

import (
	"errors"
	"unsafe"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// write is what a client wants a record to be. All forms of update come to one.
type write struct {
	key    atkey.Key
	value  string
	keep   bool // the value stays as it is, and value means nothing
	meta   fragments
	silent bool // leaves no commit entry
}

// needs is what a write asks to be allowed.
func (w write) needs(*Call) []enroll.Need { return []enroll.Need{enroll.ToWrite(w.key)} }

// run writes and answers with the commit id, -1 where there is none.
func (w write) run(c *Call) (Reply, error) {
	if w.meta.fault != nil {
		return Reply{}, w.meta.fault
	}
	if err := checkLength(w.key); err != nil {
		return Reply{}, err
	}
	if isProtected(w.key, c.Env.Sign) && w.key.Name != "publickey" {
		return Reply{}, notAllowed("Cannot update protected key: '" + w.key.Name + string(w.key.Owner) + "'")
	}
	op := store.OpUpdateAll
	switch {
	case w.silent:
		op = store.Silent
	case w.keep:
		op = store.OpUpdateMeta
	}
	var id int64
	err := c.DB.Update(func(tx *store.Tx) error {
		r, err := w.record(c, tx)
		if err != nil {
			return err
		}
		if w.meta.updatedAt != nil {
			tx.DateCommits(r.Meta.UpdatedAt)
		}
		if id, err = tx.Put(r, op, c.Principal.Actor()); err != nil {
			return err
		}
		return c.notifyWrite(tx, r, w.keep)
	})
	if err != nil {
		return Reply{}, err
	}
	return number(id), nil
}

// record is what the write makes of the record that it finds.
func (w write) record(c *Call, tx *store.Tx) (store.Record, error) {
	r := store.Record{Key: w.key}
	old, err := current(tx, w.key)
	var meta *store.Meta
	switch {
	case err != nil:
		return r, err
	case old != nil && isImmutable(old):
		return r, illegalState("Immutable records may not be updated")
	case old != nil:
		meta = &old.Meta
		if w.keep {
			r = *old
		}
	}
	if !w.keep {
		r.Value = bytesOf(w.value)
	}
	r.Meta = w.meta.merge(meta, c.Env.Sign, tx.Now())
	return r, nil
}

// bytesOf is a text as bytes, without a copy: a value may have 10 MB, and nobody
// changes one that is being written.
func bytesOf(text string) []byte {
	if text == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(text), len(text))
}

// current peeks at a record as a write finds it: nil when there is none, or it
// has expired.
func current(tx *store.Tx, k atkey.Key) (*store.Record, error) {
	old, err := tx.Peek(k)
	if errors.Is(err, store.ErrNotFound) || err == nil && old.Meta.State(tx.Now()) == store.Expired {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &old, nil
}

func isImmutable(r *store.Record) bool { return r.Meta.Immutable != nil && *r.Meta.Immutable }

// isProtected reports whether a key belongs to the server. Cached copies of
// another atSign's keys by the same name do not.
func isProtected(k atkey.Key, self atkey.Sign) bool {
	if k.Cached || k.Owner != self {
		return false
	}
	switch k.Name {
	case "signing_publickey", "signing_privatekey", "publickey",
		"signing_publickeys", "pq_signing_publickey": // by which others would have this server prove itself
		return true
	}
	return false
}
