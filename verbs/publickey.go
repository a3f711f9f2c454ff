package verbs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// isPublicKey names the key by which all apps encrypt for an atSign.
func isPublicKey(k atkey.Key) bool { return k.Scope == atkey.Public && k.Name == "publickey" }

// LearnPublicKey takes what the server of another atSign answers to
// "lookup:all:publickey": the copy is kept for ever, and corrected when it changes.
func (e *Env) LearnPublicKey(of atkey.Sign, record string) error {
	r, err := readRecord(atkey.Key{Scope: atkey.Public, Name: "publickey", Owner: of}, record, e.Now())
	if err != nil || of == e.Sign {
		return err
	}
	return e.keepPublicKey(r)
}

// keepPublicKey stores a public key that is not known yet. When it takes the place of
// another one, the atSign was reset: the symmetric key that was shared with it is put
// aside, so that apps make a new one, and they are told by a record.
func (e *Env) keepPublicKey(r store.Record) error {
	if len(r.Value) == 0 || string(r.Value) == "null" {
		return nil
	}
	r.Key = copyOf(r.Key)
	forever := int64(-1)
	r.Meta.TTR, r.Meta.TTL, r.Meta.TTB = &forever, nil, nil
	r.Meta.CCD = orFalse(r.Meta.CCD)
	changes := func(tx *store.Tx) (known, changed bool, err error) {
		old, err := tx.Get(r.Key)
		if errors.Is(err, store.ErrNotFound) {
			return false, true, nil
		}
		return true, err == nil && !bytes.Equal(old.Value, r.Value), err
	}
	changed := false
	err := e.DB.View(func(tx *store.Tx) (err error) { // almost always the end of it
		_, changed, err = changes(tx)
		return err
	})
	if err != nil || !changed {
		return err
	}
	return e.DB.Update(func(tx *store.Tx) error {
		known, changed, err := changes(tx)
		if err != nil || !changed {
			return err
		}
		now := tx.Now()
		if known {
			if err := e.putAside(tx, r.Key.Owner); err != nil {
				return err
			}
			if _, _, err := tx.Delete(r.Key, store.OpDelete, byServer); err != nil {
				return err
			}
			if err := e.tellReset(tx, r.Key.Owner); err != nil {
				return err
			}
		}
		r.Meta.CreatedAt, r.Meta.UpdatedAt, r.Meta.UpdatedBy, r.Meta.Version = now, now, e.Sign, 0
		r.Meta.ExpiresAt, r.Meta.AvailableAt, r.Meta.RefreshAt = time.Time{}, time.Time{}, time.Time{}
		_, err = tx.Put(r, store.OpUpdateAll, byServer)
		return err
	})
}

// byServer is the actor of what the server does of itself.
const byServer = "server"

// putAside renames the owner's copy of the symmetric key that is shared with an
// atSign.
func (e *Env) putAside(tx *store.Tx, with atkey.Sign) error {
	name := "shared_key." + string(with[1:])
	r, err := tx.Get(atkey.Key{Name: name, Owner: e.Sign})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, _, err := tx.Delete(r.Key, store.OpDelete, byServer); err != nil {
		return err
	}
	r.Key.Name = fmt.Sprintf("%s.until.%d", name, tx.Now().UnixMilli())
	_, err = tx.Put(r, store.OpUpdateAll, byServer)
	return err
}

// tellReset leaves the owner's apps a record of an atSign whose public key changed.
func (e *Env) tellReset(tx *store.Tx, of atkey.Sign) error {
	k := atkey.Key{Owner: e.Sign}
	for at := tx.Now().UnixMicro(); ; at++ {
		k.Name = strconv.FormatInt(at, 10) + ".events.__atserver"
		if _, err := tx.Peek(k); errors.Is(err, store.ErrNotFound) {
			break
		} else if err != nil {
			return err
		}
	}
	event := wire.AppendString([]byte(`{"category":"atProtocol","name":"atsign_pk_changed","data":{"atSign":`), string(of))
	_, err := tx.Put(store.Record{
		Key:   k,
		Value: append(event, "}}"...),
		Meta:  fragments{}.merge(nil, e.Sign, tx.Now()),
	}, store.OpUpdateAll, byServer)
	return err
}
