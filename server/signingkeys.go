package server

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"atserver/store"
	"atserver/store/atkey"
)

// ensureSigningKeys makes the RSA pair by which this server proves its atSign to
// others. It must be there before the first client: clients ask for it to see
// whether a server is alive.
func ensureSigningKeys(db *store.DB, self atkey.Sign) error {
	public := atkey.Key{Scope: atkey.Public, Name: "signing_publickey", Owner: self}
	private := atkey.Key{Scope: atkey.Shared, SharedWith: self, Name: "signing_privatekey", Owner: self}
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
			}}, store.OpUpdate, "server"); err != nil {
				return err
			}
		}
		return tx.Audit(store.Event{Actor: "server", Action: "signing.create", Target: string(self), Outcome: "allow"})
	})
}
