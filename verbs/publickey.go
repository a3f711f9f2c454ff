package verbs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"atserver/enroll"
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

// keyRest is how long a public key that took the place of another one is believed at
// least. Each that is replaced leaves records behind, and who replaces it may do so as
// often as they like.
const keyRest = 10 * time.Minute

// news is what a public key is beside that which is known.
type news uint8

const (
	sameKey    news = iota // or one to leave alone
	firstKey               // none was known
	newKey                 // the atSign was reset
	refusedKey             // as newKey, and the owner is to accept it first
)

// keepPublicKey stores a public key that is not known yet. When it takes the place of
// another one, the atSign was reset: the symmetric key that was shared with it is put
// aside, so that apps make a new one, and they are told. Where keys are pinned they
// are only told: the owner accepts the new key by deleting the copy of the old one.
func (e *Env) keepPublicKey(r store.Record) error {
	if len(r.Value) == 0 || string(r.Value) == "null" {
		return nil
	}
	r.Key = copyOf(r.Key)
	is := sameKey
	err := e.DB.View(func(tx *store.Tx) (err error) { // almost always the end of it
		is, err = e.newsOf(tx, r)
		return err
	})
	if err != nil || is == sameKey {
		return err
	}
	of := r.Key.Owner
	return e.DB.Update(func(tx *store.Tx) error {
		is, err := e.newsOf(tx, r)
		r.Meta.Version = 0 // so often it was replaced
		switch {
		case err != nil || is == sameKey:
			return err
		case is == refusedKey:
			offered := store.Record{Key: e.waitingKey(of), Value: r.Value, Meta: fragments{}.merge(nil, e.Sign, tx.Now())}
			if _, err := tx.Put(offered, store.OpUpdateAll, byServer); err != nil {
				return err
			}
			return e.tellOfKey(tx, "atsign_pk_refused", of)
		case is == newKey:
			old, err := current(tx, r.Key)
			if err == nil {
				err = e.reset(tx, of, r.Key)
			}
			if err != nil {
				return err
			}
			if r.Meta.Version = 1; old != nil {
				r.Meta.Version += old.Meta.Version
			}
		}
		forever, now := int64(-1), tx.Now()
		r.Meta.TTR, r.Meta.TTL, r.Meta.TTB = &forever, nil, nil
		r.Meta.CCD = orFalse(r.Meta.CCD)
		r.Meta.CreatedAt, r.Meta.UpdatedAt, r.Meta.UpdatedBy = now, now, e.Sign
		r.Meta.ExpiresAt, r.Meta.AvailableAt, r.Meta.RefreshAt = time.Time{}, time.Time{}, time.Time{}
		return e.putCopy(tx, r, store.OpUpdateAll, byServer)
	})
}

// newsOf compares a public key with the copy that is kept, and with the one that
// waits to be accepted.
func (e *Env) newsOf(tx *store.Tx, r store.Record) (news, error) {
	old, err := tx.Get(r.Key)
	isKnown := err == nil
	if isKnown && bytes.Equal(old.Value, r.Value) || err != nil && !errors.Is(err, store.ErrNotFound) {
		return sameKey, err
	}
	offered, err := tx.Get(e.waitingKey(r.Key.Owner))
	waits := err == nil
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return sameKey, err
	case isKnown && old.Meta.Version > 0 && tx.Now().Sub(old.Meta.CreatedAt) < keyRest:
		return sameKey, nil
	case isKnown && e.PinPeerKeys && waits && (bytes.Equal(offered.Value, r.Value) || tx.Now().Sub(offered.Meta.UpdatedAt) < keyRest):
		return sameKey, nil
	case isKnown && e.PinPeerKeys:
		return refusedKey, nil
	case isKnown || waits:
		return newKey, nil
	}
	return firstKey, nil
}

// waitingKey is where a public key of an atSign waits until the owner accepts it.
func (e *Env) waitingKey(of atkey.Sign) atkey.Key {
	return atkey.Key{Name: "publickey." + of.Bare() + ".refused.__atserver", Owner: e.Sign}
}

// reset makes room for the new public key of an atSign.
func (e *Env) reset(tx *store.Tx, of atkey.Sign, copied atkey.Key) error {
	if err := e.putAside(tx, of); err != nil {
		return err
	}
	for _, k := range []atkey.Key{copied, e.waitingKey(of)} {
		_, err := tx.Peek(k)
		if err == nil {
			_, _, err = tx.Delete(k, store.OpDelete, byServer)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return e.tellOfKey(tx, "atsign_pk_changed", of)
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

// tellOfKey tells the owner's apps what became of the public key of an atSign: by a
// record that stays, and a notification.
func (e *Env) tellOfKey(tx *store.Tx, what string, of atkey.Sign) error {
	k, at := atkey.Key{Owner: e.Sign}, tx.Now().UnixMicro()
	for ; ; at++ {
		k.Name = strconv.FormatInt(at, 10) + ".events.__atserver"
		if _, err := tx.Peek(k); errors.Is(err, store.ErrNotFound) {
			break
		} else if err != nil {
			return err
		}
	}
	event := append([]byte(`{"category":"atProtocol","name":"`), what...)
	event = append(wire.AppendString(append(event, `","data":{"atSign":`...), string(of)), "}}"...)
	if _, err := tx.Put(store.Record{Key: k, Value: event, Meta: fragments{}.merge(nil, e.Sign, tx.Now())}, store.OpUpdateAll, byServer); err != nil {
		return err
	}
	return enroll.NotifyEvent(tx, e.Sign, at, event)
}
