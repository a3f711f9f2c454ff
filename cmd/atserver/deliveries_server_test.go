package main_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// relayed is the server of an atSign, which others reach by a relay only.
type relayed struct {
	t       *testing.T
	sign    atkey.Sign
	ca      string // file of the authority that all trust
	args    []string
	relay   *relay
	process *process
	address atomic.Pointer[string]
	keys    atauth.Keys
}

// newRelayed runs a directory and the servers of some atSigns.
func newRelayed(t *testing.T, signs ...atkey.Sign) (homes []*relayed) {
	t.Helper()
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key)
	directory := []string{"directory", "--listen", "127.0.0.1:0", "--cert", chain, "--key", key}
	for _, sign := range signs {
		r := newRelay(t)
		homes = append(homes, &relayed{t: t, sign: sign, ca: chain, relay: r})
		directory = append(directory, "--entry", string(sign)+"="+r.address())
	}
	at := serving(t, nil, directory...).address()
	for _, h := range homes {
		secret := randomSecret()
		h.args = []string{
			"serve", "--atsign", string(h.sign), "--listen", "127.0.0.1:0", "--data", t.TempDir(), "-s", secret,
			"--cert", chain, "--key", key, "--trust", chain, "--directory", at, "--notification-minutes", "600",
		}
		h.start()
		var err error
		if h.keys, err = atauth.Onboard(bounded(t), h.options(), secret, "deliveries", "test", func(atauth.Keys) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return homes
}

// options are those of clients, which need no relay.
func (h *relayed) options() atauth.Options {
	return atauth.Options{Sign: h.sign, Server: *h.address.Load(), CAFile: h.ca}
}

// start runs the server, on what it left if it ran before.
func (h *relayed) start() {
	h.t.Helper()
	h.process = serving(h.t, nil, h.args...)
	address := h.process.address()
	h.address.Store(&address)
	h.relay.lead(address)
}

// kill ends the server in the middle of whatever it does.
func (h *relayed) kill() {
	h.t.Helper()
	h.process.cmd.Process.Kill()
	h.process.status()
}

// client logs in as soon as the server is there. notified is given what a monitor is told.
func (h *relayed) client(ctx context.Context, notified func(event string)) (*wire.Conn, error) {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		c, err := h.login(ctx, notified)
		if err == nil {
			return c, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (h *relayed) login(ctx context.Context, notified func(event string)) (*wire.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := atauth.Dial(ctx, h.options())
	if err != nil {
		return nil, err
	}
	c.Notify = notified
	if err := c.Authenticate(ctx, h.keys); err != nil {
		c.Close()
		return nil, err
	}
	return c.Conn, nil
}
