package server

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// bySelf is the actor of what the server does of itself.
const bySelf = "server"

// ensureSigningKeys makes the RSA pair by which this server proves its atSign to
// others. It must be there before the first client: clients ask for it to see
// whether a server is alive.
func ensureSigningKeys(db *store.DB, self atkey.Sign) error {
	public := atkey.Key{Scope: atkey.Public, Name: "signing_publickey", Owner: self}
	private := signingPrivateKey(self)
	err := db.View(func(tx *store.Tx) error {
		_, err := tx.Get(public)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making the signing keys: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("making the signing keys: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("making the signing keys: %w", err)
	}
	return db.Update(func(tx *store.Tx) error {
		for _, r := range []struct {
			key atkey.Key
			der []byte
		}{{public, spki}, {private, pkcs8}} {
			now := tx.Now()
			value := base64.StdEncoding.AppendEncode(nil, r.der)
			if _, err := tx.Put(store.Record{Key: r.key, Value: value, Meta: store.Meta{
				CreatedBy: self, UpdatedBy: self, CreatedAt: now, UpdatedAt: now,
			}}, store.OpUpdate, bySelf); err != nil {
				return err
			}
		}
		return tx.Audit(store.Event{Actor: bySelf, Action: "signing.create", Target: string(self), Outcome: "allow"})
	})
}

func signingPrivateKey(self atkey.Sign) atkey.Key {
	return atkey.Key{Scope: atkey.Shared, SharedWith: self, Name: "signing_privatekey", Owner: self}
}

// signingKeys lets connections to other servers prove our atSign.
type signingKeys struct {
	db   *store.DB
	self atkey.Sign
}

// SigningKey reads the private key; it may have been brought from another server.
func (k signingKeys) SigningKey() (*rsa.PrivateKey, error) {
	var r store.Record
	err := k.db.View(func(tx *store.Tx) (err error) {
		r, err = tx.Get(signingPrivateKey(k.self))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	der, err := base64.StdEncoding.DecodeString(string(r.Value))
	if err != nil {
		return nil, errors.New("the signing key is not base64")
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("the signing key is no RSA key")
	}
	return key, nil
}

// cookieLife is how long a signature can be looked up.
const cookieLife = time.Minute

// PutCookie shows a signature under a name that the other server chose, never in
// place of a record that is there.
func (k signingKeys) PutCookie(cookie atkey.Key, signature string) error {
	return k.db.Update(func(tx *store.Tx) error {
		now := tx.Now()
		old, err := tx.Peek(cookie)
		if err == nil && old.Meta.State(now) != store.Expired {
			return errors.New("a record is there already")
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		ttl := cookieLife.Milliseconds()
		_, err = tx.Put(store.Record{Key: cookie, Value: []byte(signature), Meta: store.Meta{
			CreatedBy: k.self, UpdatedBy: k.self, CreatedAt: now, UpdatedAt: now, TTL: &ttl, ExpiresAt: now.Add(cookieLife),
		}}, store.OpUpdateAll, bySelf)
		return err
	})
}
