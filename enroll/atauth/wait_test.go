package atauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

// pendingOf is a request that a server with the keys of keysOf has taken.
func pendingOf(t *testing.T, o Options) Pending {
	t.Helper()
	owner := keysOf(t)
	request := todos
	request.OTP = ""
	return Pending{
		Options: o, Enrollment: "0b9e", Request: request,
		pkam: owner.PKAM, symmetric: bytes.Repeat([]byte{7}, 32), owner: &owner.Encryption.PublicKey,
	}
}

const tries = "pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:0b9e:"

func says(reply string) exchange { return exchange{tries, reply} }

// handsOver is what follows an approval.
func handsOver(t *testing.T) []exchange {
	t.Helper()
	private, self, err := keysOf(t).wrap(pendingOf(t, Options{}).symmetric)
	if err != nil {
		t.Fatal(err)
	}
	return []exchange{
		from, says("data:success"),
		{"keys:get:keyName:0b9e.default_enc_private_key.__manage@alice", "data:" + text(private)},
		{"keys:get:keyName:0b9e.default_self_enc_key.__manage@alice", "data:" + text(self)},
	}
}

func text(value any) string {
	raw, _ := json.Marshal(value)
	return string(raw)
}

// On one connection, and over a connection that is lost, through what servers of
// different age say while nobody has decided.
func TestWait(t *testing.T) {
	t.Parallel()
	approved := handsOver(t)
	o, _ := peer(t,
		[]exchange{from, says("error:AT0026:enrollment_id: 0b9e is pending"), from, says("error:AT0401-Exception: pkam authentication failed")},
		append([]exchange{from, says(`error:{"errorCode":"AT0026","errorDescription":"pending"}`)}, approved...))
	var states []string
	k, err := pendingOf(t, o).Wait(t.Context(), func(state string) { states = append(states, state) })
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{Undecided, Undecided, Unreachable, Undecided}; !slices.Equal(states, want) {
		t.Errorf("states %q, want %q", states, want)
	}
	owner := keysOf(t)
	owner.Enrollment, owner.APKAMSymmetric = "0b9e", pendingOf(t, o).symmetric
	if !sameKeys(k, owner) {
		t.Errorf("got %v, want %v", k, owner)
	}
}

func TestWaitAtOnce(t *testing.T) {
	o, _ := peer(t, handsOver(t))
	if _, err := pendingOf(t, o).Wait(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// The keys are fetched again when the connection is lost before all are there.
func TestWaitLosesConnectionAfterApproval(t *testing.T) {
	t.Parallel()
	approved := handsOver(t)
	o, _ := peer(t, approved[:3], approved)
	if _, err := pendingOf(t, o).Wait(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	approved := handsOver(t)
	keys := func(reply string) []exchange { return []exchange{from, says("data:success"), {"keys:get:", reply}} }
	for name, c := range map[string]struct {
		script  []exchange
		want    error
		refused bool
	}{
		"denied":           {[]exchange{from, says("error:AT0025:enrollment_id: 0b9e is denied")}, ErrDenied, true},
		"revoked":          {[]exchange{from, says("error:AT0027:enrollment_id: 0b9e is revoked")}, ErrRevoked, true},
		"expired":          {[]exchange{from, says("error:AT0028:enrollment_id: 0b9e is expired or invalid")}, ErrExpired, true},
		"expired, by name": {[]exchange{from, says("error:AT0029:gone")}, ErrExpired, true},
		"no challenge":     {[]exchange{{"from:", "data:sign this"}}, ErrChallenge, false},
		"broken":           {[]exchange{from, says("error:AT0011-Exception: disk is full")}, nil, false},
		"no keys":          {keys("error:AT0015-key not found : key 0b9e.default_enc_private_key not found in keystore"), ErrHandOver, false},
		"keys forbidden":   {keys("error:AT0009-UnAuthorized client in request : no"), nil, true},
		"keys are no JSON": {keys("data:hello"), ErrHandOver, false},
		"wrong keys":       {[]exchange{approved[0], approved[1], approved[2], {"keys:get:", approved[2].reply}}, ErrHandOver, false},
	} {
		o, _ := peer(t, c.script)
		_, err := pendingOf(t, o).Wait(t.Context(), func(state string) { t.Errorf("%s: goes on: %s", name, state) })
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if Refused(err) != c.refused {
			t.Errorf("%s: %v counts as refused: %v", name, err, !c.refused)
		}
	}
}

// A server that is full, or down for a while, is asked again.
func TestWaitOutlastsServer(t *testing.T) {
	t.Parallel()
	o, _ := peer(t, append([]exchange{from, says("error:AT0024-Exception: Server is temporarily paused")}, handsOver(t)...))
	there := o.Server
	o.Server = "127.0.0.1:1"
	p := pendingOf(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := p.Wait(ctx, func(state string) {
		if state != Unreachable {
			t.Errorf("state %q", state)
		}
		cancel()
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	p.Options.Server = there
	if _, err := p.Wait(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// A server that cannot prove who it is must not be asked for ever.
func TestWaitVerifies(t *testing.T) {
	o, _ := peer(t, nil)
	_, o.CAFile = certificate(t, "127.0.0.1")
	if _, err := pendingOf(t, o).Wait(t.Context(), func(state string) { t.Errorf("goes on: %s", state) }); err == nil {
		t.Error("an unknown server was trusted")
	}
}

func TestInterval(t *testing.T) {
	last := time.Duration(0)
	for n := range 100 {
		d := interval(n)
		if d < last || d > 10*time.Second {
			t.Errorf("interval %d is %v after %v", n, d, last)
		}
		last = d
	}
	if interval(0) != 250*time.Millisecond || last != 10*time.Second {
		t.Errorf("from %v to %v", interval(0), last)
	}
}
