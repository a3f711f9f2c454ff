package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

// ownCommonKey names the owner's copy of the key in common with somebody.
func (s session) ownCommonKey(with atkey.Sign) string {
	return "shared_key." + with.Bare() + string(s.Sign)
}

// commonKeyWith returns the key for what the owner shares with somebody. One that is
// missing is made, and so is a copy that the other one cannot get. With renew a new
// key takes the place of the old one, which is put aside.
func (s session) commonKeyWith(ctx context.Context, with atkey.Sign, renew bool) (key atauth.CommonKey, err error) {
	public, err := s.PublicKeyOf(ctx, with)
	if err != nil {
		return key, err
	}
	theirs := atkey.Key{Scope: atkey.Shared, SharedWith: with, Name: "shared_key", Owner: s.Sign}
	checksum, handed, err := s.madeFor(ctx, theirs)
	switch {
	case err != nil:
		return key, err
	case checksum != "" && checksum != atauth.PublicKeyChecksum(public) && !renew:
		return key, fmt.Errorf("the public key of %s is not the one that it had when you began to share with it: "+
			"ask %[1]s whether it was reset; if so use atctl share --new-key, and share again what it is to go on reading", with)
	}
	own := s.ownCommonKey(with)
	sealed, err := s.Ask(ctx, "llookup:"+own)
	missing := atauth.NotFound(err) || err == nil && sealed == "null"
	switch {
	case err != nil && !missing:
		return key, fmt.Errorf("read the key shared with %s: %w", with, err)
	case missing || renew:
		if !missing {
			if err := s.store(ctx, fmt.Sprintf("update:shared_key.%s.until.%d%s %s", with.Bare(), time.Now().UnixMilli(), s.Sign, sealed)); err != nil {
				return key, fmt.Errorf("put the old key shared with %s aside: %w", with, err)
			}
		}
		key, handed = atauth.NewCommonKey(), false
		if sealed, err = s.keys.SealCommon(key); err == nil {
			err = s.store(ctx, "update:"+own+" "+sealed)
		}
		if err != nil {
			return key, fmt.Errorf("store a key shared with %s: %w", with, err)
		}
	default:
		if key, err = s.keys.OpenCommon(sealed); err != nil {
			return key, fmt.Errorf("%s: %w; atctl share --new-key makes another", own, err)
		}
	}
	if handed {
		return key, nil
	}
	if sealed, err = key.SealFor(public); err == nil {
		err = s.store(ctx, fmt.Sprintf("update:ttr:%d:pubKeyCS:%s:%s %s", copiesLive, atauth.PublicKeyChecksum(public), theirs, sealed))
	}
	if err != nil {
		return key, fmt.Errorf("hand %s the key: %w", with, err)
	}
	return key, nil
}

// copiesLive is how long, in seconds, the server of the other one may use its copy of
// the key. It is the day that the SDKs mean; what they write is a thousand of them.
const copiesLive = 24 * 60 * 60

// madeFor reads for which public key a common key was encrypted, "" if that is not
// known, and whether it is there at all.
func (s session) madeFor(ctx context.Context, key atkey.Key) (checksum string, found bool, err error) {
	reply, err := s.Ask(ctx, "llookup:meta:"+key.String())
	if atauth.NotFound(err) || err == nil && reply == "null" {
		return "", false, nil
	}
	var meta metadata
	if err == nil {
		err = json.Unmarshal([]byte(reply), &meta)
	}
	if err != nil {
		return "", false, fmt.Errorf("read the metadata of %s: %w", key, err)
	}
	return meta.PubKeyCS, true, nil
}

// store sends an update of which nobody is told.
func (s session) store(ctx context.Context, line string) error {
	_, err := s.Ask(ctx, line)
	return err
}

// open returns the value of a record that the owner may read, whoever stored it.
func (s session) open(ctx context.Context, key atkey.Key, r atauth.Record) ([]byte, error) {
	switch {
	case key.Scope != atkey.Shared || forSelf(key, s.Sign) || isSharedKey(key):
		return s.keys.Open(r)
	case key.Owner != s.Sign:
		return s.openFrom(ctx, key.Owner, r)
	}
	sealed, err := s.commonKey(ctx, key.SharedWith)
	if err != nil {
		return nil, err
	}
	value, err := s.openWith(sealed, r)
	if err != nil {
		return nil, fmt.Errorf("%w; share it again", err)
	}
	return value, nil
}

// openFrom opens a record that somebody else shares with the owner. The key for it may
// stand in its metadata, as the Dart SDK has it. Else it is looked up, a second time
// at its source if the server's copy is of no use: it may be that of a time before.
func (s session) openFrom(ctx context.Context, from atkey.Sign, r atauth.Record) ([]byte, error) {
	var meta struct {
		IsEncrypted  bool
		SharedKeyEnc string
	}
	if err := json.Unmarshal(r.Meta, &meta); err != nil || !meta.IsEncrypted {
		return s.keys.Open(r)
	}
	if meta.SharedKeyEnc != "" {
		if value, err := s.openWith(meta.SharedKeyEnc, r); err == nil {
			return value, nil
		}
	}
	var value []byte
	for _, lookup := range []string{"lookup:", "lookup:bypassCache:true:"} {
		sealed, err := s.Ask(ctx, lookup+"shared_key"+string(from))
		if err != nil {
			return nil, fmt.Errorf("look up the key of %s for you: %w", from, err)
		}
		if value, err = s.openWith(sealed, r); err == nil {
			return value, nil
		}
	}
	return nil, fmt.Errorf("%s: %w; ask %s to share it again, with a new key", r.Key, atauth.ErrCommonKey, from)
}

var errNoCommonKey = errors.New("there is no key in common")

func (s session) openWith(sealed string, r atauth.Record) ([]byte, error) {
	if strings.TrimSpace(sealed) == "" {
		return nil, fmt.Errorf("decrypt %s: %w", r.Key, errNoCommonKey)
	}
	key, err := s.keys.OpenCommon(sealed)
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: %w", r.Key, err)
	}
	return key.Open(r)
}
