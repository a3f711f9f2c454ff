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

	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

const benchSign = "@bench"

// atserver is a server process with a data folder of its own.
type atserver struct {
	target
	secret string // for onboarding
	ca     string // file
	keys   atauth.Keys
}

// startServer starts one that has room for conns connections of ours.
func startServer(ctx context.Context, dir, binary string, conns int) (*atserver, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	random := make([]byte, 32)
	rand.Read(random)
	s := &atserver{secret: hex.EncodeToString(random)}
	secretFile := filepath.Join(dir, "secret")
	if err := os.WriteFile(secretFile, []byte(s.secret), 0o600); err != nil {
		return nil, err
	}
	data, places := filepath.Join(dir, "data"), strconv.Itoa(2*conns+100)
	process, err := start(ctx, dir, binary, "serve", "--atsign", benchSign, "--listen", "127.0.0.1:0", "--data", data,
		"--cram-secret-file", secretFile, "--max-connections", places, "--max-per-address", places)
	if err != nil {
		return nil, err
	}
	s.ca = filepath.Join(data, "tls", "ca.pem")
	trust, err := trusting(s.ca)
	if err != nil {
		process.stop()
		return nil, err
	}
	s.target = target{process: process, trust: trust, welcome: s.logIn}
	return s, nil
}

// onboard makes the keys that connections log in with.
func (s *atserver) onboard(ctx context.Context) (err error) {
	options := atauth.Options{Sign: benchSign, Server: s.address, CAFile: s.ca}
	unsaved := func(atauth.Keys) error { return nil } // they live as long as the server
	if s.keys, err = atauth.Onboard(ctx, options, s.secret, "atbench", "atbench", unsaved); err != nil {
		return s.explain(fmt.Errorf("onboard: %w", err))
	}
	return nil
}

// logIn takes a fresh connection to where it waits for commands of the owner
// (protocol, from and pkam).
func (s *atserver) logIn(c *stream) error {
	c.prompt = wire.Prompt("")
	if err := c.greeting(); err != nil {
		return err
	}
	challenge, err := c.ask("from:" + benchSign + "\n")
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(challenge))
	signature, err := rsa.SignPKCS1v15(nil, s.keys.PKAM, crypto.SHA256, digest[:])
	if err != nil {
		return err
	}
	c.prompt = wire.Prompt(benchSign)
	_, err = c.ask("pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:" + s.keys.Enrollment + ":" +
		base64.StdEncoding.EncodeToString(signature) + "\n")
	return err
}
