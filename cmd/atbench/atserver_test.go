package main

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"atserver/enroll/atauth"
)

func TestLogIn(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const challenge = "_session@bench:nonce"
	tests := []struct {
		name, greeting, from, pkam string
		ok                         bool
	}{
		{"welcome", "@", "data:" + challenge + "\n@", "data:success\n@bench@", true},
		{"full", "error:AT0012-Inbound connection limit exceeded\n", "", "", false},
		{"stranger", "@", "error:AT0003-Invalid syntax\n@", "", false},
		{"refused", "@", "data:" + challenge + "\n@", "error:AT0401-Client authentication failed\n@", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			near.SetDeadline(time.Now().Add(30 * time.Second))
			proof := make(chan string, 1)
			go func() {
				defer far.Close()
				in := bufio.NewReader(far)
				io.WriteString(far, test.greeting)
				if line, _ := in.ReadString('\n'); line != "from:@bench\n" {
					proof <- "instead of from: " + line
					return
				}
				io.WriteString(far, test.from)
				line, _ := in.ReadString('\n')
				proof <- line
				io.WriteString(far, test.pkam)
			}()
			s := &stream{conn: near}
			signing, err := logIn(s, atauth.Keys{Sign: benchSign, PKAM: key, Enrollment: "e-1"})
			if (err == nil) != test.ok {
				t.Fatal(err)
			}
			if !test.ok {
				return
			}
			if s.prompt != "@bench@" || signing <= 0 {
				t.Errorf("prompt %q, signed in %v", s.prompt, signing)
			}
			line := <-proof
			text, found := strings.CutPrefix(line, "pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:e-1:")
			signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, "\n"))
			digest := sha256.Sum256([]byte(challenge))
			if !found || err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) != nil {
				t.Errorf("proof %q", line)
			}
		})
	}
}
