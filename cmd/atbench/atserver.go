package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

const benchSign = "@bench"

// atserver is a server process with a data folder of its own.
type atserver struct {
	target
	sign        atkey.Sign
	dir, binary string
	args        []string
	secret      string // for onboarding
	ca          string // file
	keys        atauth.Keys
}

// startServer starts one that has room for conns connections of ours.
func startServer(ctx context.Context, dir, binary string, conns int, more ...string) (*atserver, error) {
	s, err := newServer(dir, binary, benchSign, conns, more...)
	if err != nil {
		return nil, err
	}
	return s, s.start(ctx)
}

// newServer prepares what start starts.
func newServer(dir, binary string, sign atkey.Sign, conns int, more ...string) (*atserver, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	random := make([]byte, 32)
	rand.Read(random)
	s := &atserver{sign: sign, secret: hex.EncodeToString(random), dir: dir, binary: binary}
	secretFile := filepath.Join(dir, "secret")
	if err := os.WriteFile(secretFile, []byte(s.secret), 0o600); err != nil {
		return nil, err
	}
	data, places := filepath.Join(dir, "data"), strconv.Itoa(2*conns+100)
	s.ca = filepath.Join(data, "tls", "ca.pem")
	s.args = append([]string{
		"serve", "--atsign", string(sign), "--listen", "127.0.0.1:0", "--data", data,
		"--cram-secret-file", secretFile, "--max-connections", places, "--max-per-address", places,
	}, more...)
	return s, nil
}

// start starts it, again after it has ended.
func (s *atserver) start(ctx context.Context) error {
	process, err := start(ctx, s.dir, lastWord, s.binary, s.args...)
	if err != nil {
		return err
	}
	trust, err := trusting(s.ca)
	if err != nil {
		process.stop()
		return err
	}
	s.target = target{process: process, trust: trust, welcome: func(c *stream) error { return logsIn(c, s.keys) }}
	return nil
}

// onboard makes the keys that connections log in with.
func (s *atserver) onboard(ctx context.Context) (err error) {
	unsaved := func(atauth.Keys) error { return nil } // they live as long as the server
	if s.keys, err = atauth.Onboard(ctx, s.options(), s.secret, "atbench", "atbench", unsaved); err != nil {
		return s.explain(fmt.Errorf("onboard: %w", err))
	}
	return nil
}

func (s *atserver) options() atauth.Options {
	return atauth.Options{Sign: s.sign, Server: s.address, CAFile: s.ca}
}

// logsIn is logIn for who does not care how long signing takes.
func logsIn(c *stream, keys atauth.Keys) error {
	_, err := logIn(c, keys)
	return err
}

// logIn takes a fresh connection to where it waits for commands of whose keys
// these are (protocol, from and pkam). It tells how long it took to sign.
func logIn(c *stream, keys atauth.Keys) (signing time.Duration, err error) {
	c.prompt = wire.Prompt("")
	if err := c.greeting(); err != nil {
		return 0, err
	}
	challenge, err := c.ask("from:" + string(keys.Sign) + "\n")
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	digest := sha256.Sum256([]byte(challenge))
	signature, err := rsa.SignPKCS1v15(nil, keys.PKAM, crypto.SHA256, digest[:])
	signing = time.Since(begin)
	if err != nil {
		return 0, err
	}
	c.prompt = wire.Prompt(string(keys.Sign))
	_, err = c.ask("pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:" + keys.Enrollment + ":" +
		base64.StdEncoding.EncodeToString(signature) + "\n")
	return signing, err
}
