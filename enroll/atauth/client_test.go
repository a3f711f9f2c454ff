package atauth

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atserver/verbs/wire"
)

func TestAuthenticate(t *testing.T) {
	k := keysOf(t)
	for name, c := range map[string]struct{ enrollment, prefix string }{
		"enrollment": {"0b9e", "pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:0b9e:"},
		"legacy key": {"", "pkam:"},
	} {
		t.Run(name, func(t *testing.T) {
			k.Enrollment = c.enrollment
			o, asked := peer(t, []exchange{from, {c.prefix, "data:success"}})
			client, err := Dial(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Authenticate(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(asked()[1], c.prefix))
			digest := sha256.Sum256([]byte(challenge))
			if err != nil || rsa.VerifyPKCS1v15(&k.PKAM.PublicKey, crypto.SHA256, digest[:], signature) != nil {
				t.Errorf("no valid proof in %q", asked()[1])
			}
		})
	}
}

func TestAuthenticateRefused(t *testing.T) {
	for reply, refused := range map[string]bool{
		"error:AT0401-Exception: pkam authentication failed":                                           true,
		"error:AT0025:enrollment_id: 0b9e is denied":                                                   true,
		"error:AT0026:enrollment_id: 0b9e is pending":                                                  true,
		"error:AT0027:enrollment_id: 0b9e is revoked":                                                  true,
		"error:AT0028:enrollment_id: 0b9e is expired or invalid":                                       true,
		`error:{"errorCode":"AT0009","errorDescription":"UnAuthorized client in request : not yours"}`: true,
		"error:AT0011-Exception: disk is full":                                                         false,
		"data:no":                                                                                      false,
	} {
		o, _ := peer(t, []exchange{from, {"pkam:", reply}})
		client, err := Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err = client.Authenticate(t.Context(), keysOf(t)); err == nil || Refused(err) != refused {
			t.Errorf("%s: %v; refused %v, want %v", reply, err, Refused(err), refused)
		}
		client.Close()
	}
}

// A server that has a client sign something else must not get a signature.
func TestOnlyChallengesAreSigned(t *testing.T) {
	for _, text := range []string{
		"", "_4af2", "_4af2@bob:d6ca", "_4af2@alice:", "4af2@alice:d6ca", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJAYWxpY2UifQ",
		"proof:_4af2@alice:d6ca", "_4af2@alice:" + strings.Repeat("x", 300),
	} {
		o, asked := peer(t, []exchange{{"from:@alice:", "data:" + text}})
		client, err := Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Authenticate(t.Context(), keysOf(t)); !errors.Is(err, ErrChallenge) {
			t.Errorf("%q: %v, want ErrChallenge", text, err)
		}
		client.Close()
		if len(asked()) != 1 {
			t.Errorf("%q: asked %q", text, asked())
		}
	}
}

func TestDialVerifies(t *testing.T) {
	o, _ := peer(t, nil, nil, nil)
	_, port, _ := strings.Cut(o.Server, ":")
	_, strangers := certificate(t, "127.0.0.1")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Options){
		"system roots": func(o *Options) { o.CAFile = "" },
		"another CA":   func(o *Options) { o.CAFile = strangers },
		"another host": func(o *Options) { o.Server = "localhost:" + port },
		"empty CA":     func(o *Options) { o.CAFile = empty },
		"missing CA":   func(o *Options) { o.CAFile = empty + "x" },
	} {
		bad := o
		edit(&bad)
		if client, err := Dial(t.Context(), bad); err == nil {
			client.Close()
			t.Errorf("%s: connected", name)
		}
	}
}

func TestDialAsksDirectory(t *testing.T) {
	server, _ := peer(t, []exchange{{"noop:0", "data:ok"}})
	caFile := server.CAFile
	directory, asked := peer(t, []exchange{{"alice", server.Server + "\r"}}, []exchange{{"alice", "null\r"}})
	// One file may vouch for both.
	joined := filepath.Join(t.TempDir(), "both.pem")
	a, _ := os.ReadFile(caFile)
	b, _ := os.ReadFile(directory.CAFile)
	if err := os.WriteFile(joined, append(a, b...), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Sign: "@alice", Directory: directory.Server, CAFile: joined}
	client, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if reply, err := client.Ask(t.Context(), "noop:0"); err != nil || reply != "ok" {
		t.Errorf("asked the server: %q, %v", reply, err)
	}
	if _, err := Dial(t.Context(), o); !errors.Is(err, wire.ErrNoAddress) || !strings.Contains(err.Error(), "@alice") {
		t.Errorf("unknown atSign: %v", err)
	}
	if len(asked()) != 2 {
		t.Errorf("directory was asked %q", asked())
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	o, _ := peer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
