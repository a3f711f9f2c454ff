package main_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

// home is a data folder whose owner is onboarded, and the server that uses it.
type home struct {
	*process
	data string
	keys atauth.Keys
}

// onboarded starts a server, with these arguments besides, and onboards its owner.
func onboarded(t *testing.T, data string, more ...string) *home {
	t.Helper()
	secret := randomSecret()
	h := &home{process: serving(t, nil, local(data, append(more, "-s", secret)...)...), data: data}
	var err error
	unsaved := func(atauth.Keys) error { return nil }
	if h.keys, err = atauth.Onboard(bounded(t), h.options(), secret, "test", "owner", unsaved); err != nil {
		t.Fatal(err)
	}
	return h
}

// again starts the server anew, with these arguments besides.
func (h *home) again(more ...string) {
	h.t.Helper()
	h.process = serving(h.t, nil, local(h.data, more...)...)
}

func (h *home) options() atauth.Options {
	return atauth.Options{Sign: "@alice", Server: h.address(), CAFile: filepath.Join(h.data, "tls", "ca.pem")}
}

// login is a new connection of who holds the keys.
func (h *home) login(ctx context.Context, k atauth.Keys) (*atauth.Client, error) {
	c, err := atauth.Dial(ctx, h.options())
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(func() { c.Close() })
	return c, c.Authenticate(ctx, k)
}

// owner is a new connection of the owner.
func (h *home) owner() *atauth.Client {
	h.t.Helper()
	c, err := h.login(bounded(h.t), h.keys)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// put wants a value to be acknowledged.
func put(t *testing.T, c *atauth.Client, name, value string) {
	t.Helper()
	if _, err := c.Ask(bounded(t), "update:public:"+name+"@alice "+value); err != nil {
		t.Fatalf("update of %s: %v", name, err)
	}
}

// refused wants a command to be refused in just these words, on a connection that
// lives on.
func refused(t *testing.T, c *wire.Conn, command string, want wire.Error) {
	t.Helper()
	payload, err := c.Ask(bounded(t), command)
	var got *wire.Error
	if !errors.As(err, &got) || *got != want {
		t.Fatalf("%.100s: got %q, %v; want %v", command, payload, err, want)
	}
	ask(t, c, "noop:0", "ok")
}

// wantSound wants every value to be there and the audit trail to hold.
func (h *home) wantSound(kept map[string]string) {
	h.t.Helper()
	c := h.owner()
	for name, value := range kept {
		ask(h.t, c.Conn, "llookup:public:"+name+"@alice", value)
	}
	if verify := launch(h.t, nil, "audit", "verify", "--data", h.data); verify.status() != 0 {
		h.t.Fatal("the audit chain does not hold")
	}
}

// audited is the audit trail, one entry a line.
func (h *home) audited() string {
	h.t.Helper()
	p := launch(h.t, nil, "audit", "list", "--json", "--data", h.data)
	if p.status() != 0 || strings.TrimSpace(p.stdout.String()) == "" {
		h.t.Fatal("no audit trail")
	}
	return p.stdout.String()
}
