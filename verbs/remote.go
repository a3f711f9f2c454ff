package verbs

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// remote answers with another atSign's record: from the copy while that is fresh,
// else from its server. A public one is asked for anonymously, one for us as us.
func (c *Call) remote(k atkey.Key, bypassCache bool, o op) (Reply, error) {
	if !bypassCache {
		r, ok, err := c.freshCopy(k)
		if err != nil || ok {
			return shape(r, o), err
		}
	}
	c.sendReady()
	r, size, err := c.fetch(c, k)
	if isMissing(err) {
		return Reply{}, errors.Join(err, c.dropCopy(k, c.Principal.Actor()))
	}
	if err == nil {
		err = c.gather(size)
	}
	if err == nil {
		err = c.keepCopy(r, c.Principal.Actor())
	}
	return shape(r, o), err
}

// copyOf is the key under which a copy of another atSign's record lies.
func copyOf(k atkey.Key) atkey.Key {
	k.Cached = true
	return k
}

// freshCopy returns the copy of a record if there is one and it need not be asked
// for anew.
func (c *Call) freshCopy(k atkey.Key) (r store.Record, ok bool, err error) {
	err = c.DB.View(func(tx *store.Tx) (err error) {
		if r, err = tx.Peek(copyOf(k)); err != nil || !isFresh(r, tx.Now()) {
			return err
		}
		if err = c.gather(r.Size()); err == nil {
			err = tx.Load(&r)
		}
		ok = err == nil
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return r, ok, err
}

// isFresh tells whether a copy may be shown as the record itself.
func isFresh(r store.Record, now time.Time) bool {
	ttr, refresh := r.Meta.TTR, r.Meta.RefreshAt
	return r.Meta.State(now) == store.Active && r.Size() > 0 &&
		(ttr != nil && *ttr == -1 || !refresh.IsZero() && !now.After(refresh))
}

// fetch asks for a record at its owner's server, and tells how many bytes came.
func (e *Env) fetch(ctx context.Context, k atkey.Key) (r store.Record, size int, err error) {
	name := k.Name + string(k.Owner)
	payload, err := e.Peers.Ask(ctx, k.Owner, k.Scope == atkey.Shared, "lookup:all:"+name)
	if err != nil {
		return r, 0, err
	}
	if payload == "null" {
		return r, 0, &wire.Error{Code: missing, Text: "remoteLookUp: remote atServer returned String value 'null' for " + name}
	}
	r, err = readRecord(k, payload, e.Now())
	return r, len(payload), err
}

// missing is the code for what is not there.
const missing = "AT0015"

// isMissing tells whether another server said that it has no such record.
func isMissing(err error) bool {
	var reply *wire.Error
	return errors.As(err, &reply) && reply.Code == missing
}

// readRecord reads what "lookup:all" answers for a key, with its dates and author.
func readRecord(k atkey.Key, payload string, now time.Time) (store.Record, error) {
	var reply struct {
		Data     *string                    `json:"data"`
		MetaData map[string]json.RawMessage `json:"metaData"`
	}
	r := store.Record{Key: k}
	if json.Unmarshal([]byte(payload), &reply) != nil {
		return r, ErrUnexpected(k.Owner)
	}
	if reply.Data != nil {
		r.Value = bytesOf(*reply.Data)
	}
	r.Meta = readMeta(reply.MetaData, k.Owner, now)
	return r, nil
}

// readMeta reads metadata as other servers render it. What is unknown, or makes no
// sense, is passed over: the record is good without it.
func readMeta(members map[string]json.RawMessage, owner atkey.Sign, now time.Time) store.Meta {
	var f fragments
	for member, raw := range members {
		name := strings.ToLower(member)
		if renamed := jsonNames[member]; renamed != "" {
			name = renamed
		}
		if isFragment(name) && string(raw) != "null" {
			_ = f.setMember(name, raw)
		}
	}
	m := f.merge(nil, owner, now)
	var told struct {
		CreatedBy, UpdatedBy string
		Version              int64
	}
	for member, into := range map[string]any{"createdBy": &told.CreatedBy, "updatedBy": &told.UpdatedBy, "version": &told.Version} {
		_ = json.Unmarshal(members[member], into)
	}
	if by, err := atkey.ParseSign(told.CreatedBy); err == nil {
		m.CreatedBy = by
	}
	if by, err := atkey.ParseSign(told.UpdatedBy); err == nil {
		m.UpdatedBy = by
	}
	m.Version = max(told.Version, 0)
	return m
}

// keepCopy stores a copy of a record that was fetched, as its owner allows: one
// without a time to refresh leaves none.
func (e *Env) keepCopy(r store.Record, by string) error {
	if isPublicKey(r.Key) {
		return e.keepPublicKey(r)
	}
	if r.Meta.TTR == nil {
		return e.dropCopy(r.Key, by)
	}
	r.Key = copyOf(r.Key)
	if r.Key.Length() > r.Key.MaxLength() {
		return nil
	}
	r.Meta.UpdatedBy = e.Sign
	return e.DB.Update(func(tx *store.Tx) error {
		return e.putCopy(tx, r, store.OpUpdateAll, by)
	})
}

// dropCopy removes the copy of a record that is no more. Where there is none nothing
// is written, and the key by which an atSign is known stays whatever its server says.
func (e *Env) dropCopy(k atkey.Key, by string) error {
	k = copyOf(k)
	peek := func(tx *store.Tx) error {
		_, err := tx.Peek(k)
		return err
	}
	if isPublicKey(k) {
		return nil
	}
	err := e.DB.View(peek)
	if err == nil {
		err = e.DB.Update(func(tx *store.Tx) error {
			if err := peek(tx); err != nil {
				return err
			}
			_, _, err := tx.Delete(k, store.OpDelete, by)
			return err
		})
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
