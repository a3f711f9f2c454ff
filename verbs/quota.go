package verbs

import (
	"fmt"

	"atserver/store"
	"atserver/store/atkey"
)

// Quotas say how much others may have this server keep: each of them, and all
// together.
type Quotas struct{ Each, All store.Held }

// DefaultQuotas are for a server of one person.
var DefaultQuotas = Quotas{
	Each: store.Held{Notes: 10_000, NoteBytes: 64 << 20, Copies: 10_000, CopyBytes: 64 << 20, EphemeralNoteBytes: 1 << 20},
	All:  store.Held{Notes: 50_000, NoteBytes: 256 << 20, Copies: 100_000, CopyBytes: 256 << 20, EphemeralNoteBytes: 2 << 20},
}

// checkNotification refuses one for which its sender, or all of them, have no room
// left. It may come again: what is kept expires.
func (e *Env) checkNotification(tx *store.Tx, n store.Notification) error {
	bytes := int64(len(n.Value) + len(n.Key))
	for _, q := range []struct {
		of   atkey.Sign
		who  string
		most store.Held
	}{{n.From, string(n.From), e.Quotas.Each}, {"", "others", e.Quotas.All}} {
		held, err := tx.Held(q.of)
		switch {
		case err != nil:
			return err
		case n.Ephemeral && held.EphemeralNoteBytes+bytes > q.most.EphemeralNoteBytes,
			!n.Ephemeral && (held.Notes >= q.most.Notes || held.NoteBytes+bytes > q.most.NoteBytes):
			return &Error{Code: "AT0028", Message: fmt.Sprintf("%s has no room for more notifications of %s now", e.Sign, q.who)}
		}
	}
	return nil
}

// hasRoom tells whether a copy may be kept, in the place of an old one if that is not
// nil.
func (e *Env) hasRoom(tx *store.Tx, r store.Record, old *store.Record) (bool, error) {
	copies, bytes := int64(1), int64(r.Size())
	if old != nil {
		copies, bytes = 0, bytes-int64(old.Size())
	}
	if copies == 0 && bytes <= 0 {
		return true, nil
	}
	for of, most := range map[atkey.Sign]store.Held{r.Key.Owner: e.Quotas.Each, "": e.Quotas.All} {
		held, err := tx.Held(of)
		if err != nil || held.Copies+copies > most.Copies || held.CopyBytes+bytes > most.CopyBytes {
			return false, err
		}
	}
	return true, nil
}

// putCopy keeps a copy, or, where there is no room for it, none: its owner is asked
// each time.
func (e *Env) putCopy(tx *store.Tx, r store.Record, op store.Op, by string) error {
	old, err := current(tx, r.Key)
	if err != nil {
		return err
	}
	room, err := e.hasRoom(tx, r, old)
	switch {
	case err != nil:
		return err
	case room:
		_, err = tx.Put(r, op, by)
	case old != nil:
		_, _, err = tx.Delete(r.Key, store.OpDelete, by)
	}
	return err
}
