package atauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"atserver/verbs/wire"
)

// The states of a request that Wait tells of.
const (
	Undecided   = "waiting for the decision"
	Unreachable = "the server cannot be reached"
)

// The ways in which a request ends without keys.
var (
	ErrDenied  = errors.New("the request was denied")
	ErrRevoked = errors.New("the enrollment has been revoked")
	ErrExpired = errors.New("the enrollment has expired, or the server does not know it")
)

// attemptTime is how long one question may take, from dialling to the keys.
const attemptTime = 30 * time.Second

// Wait asks again and again, by trying to log in, until the request is decided,
// and returns the keys of the app. It goes on when the server cannot be reached,
// and ends with ctx. progress, which may be nil, is told the state after each try.
//
// The errors are ErrDenied, ErrRevoked, ErrExpired, ErrHandOver, that of ctx, and
// those of a server that cannot be trusted or understood.
func (p Pending) Wait(ctx context.Context, progress func(state string)) (Keys, error) {
	var c *Client
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for n := 0; ; n++ {
		k, err := p.try(ctx, &c)
		switch {
		case err == nil:
			return k, nil
		case ctx.Err() != nil:
			return Keys{}, fmt.Errorf("wait for the decision: %w", ctx.Err())
		}
		state, err := judge(err)
		if err != nil {
			return Keys{}, err
		}
		if progress != nil {
			progress(state)
		}
		select {
		case <-ctx.Done():
		case <-time.After(interval(n)):
		}
	}
}

// interval grows from a quarter of a second to ten.
func interval(n int) time.Duration {
	return min(250*time.Millisecond<<min(n, 10), 10*time.Second)
}

// try logs in and fetches the keys, over the connection of the last time if that
// can still be used.
func (p Pending) try(ctx context.Context, c **Client) (k Keys, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	if *c == nil {
		if *c, err = Dial(ctx, p.Options); err != nil {
			return Keys{}, err
		}
	}
	k = Keys{Sign: p.Options.Sign, Enrollment: p.Enrollment, PKAM: p.pkam, APKAMSymmetric: p.symmetric}
	if err = (*c).Authenticate(ctx, k); err == nil {
		err = p.collect(ctx, *c, &k)
	}
	if err != nil && !errors.As(err, new(*wire.Error)) { // only after an error reply is it of use
		(*c).Close()
		*c = nil
	}
	return k, err
}

// collect fetches the owner's keys that were wrapped for the app.
func (p Pending) collect(ctx context.Context, c *Client, k *Keys) error {
	var keys [2]wrappedKey
	for i, name := range []string{"default_enc_private_key", "default_self_enc_key"} {
		reply, err := c.Ask(ctx, "keys:get:keyName:"+p.Enrollment+"."+name+".__manage"+string(c.Sign))
		switch {
		case NotFound(err):
			return ErrHandOver
		case err != nil:
			return fmt.Errorf("fetch the keys: %w", err)
		}
		if json.Unmarshal([]byte(reply), &keys[i]) != nil {
			return ErrHandOver
		}
	}
	return k.unwrap(keys[0], keys[1], p.owner)
}

// judge tells the state of a request from the error of a try, or that the try was
// the last one.
func judge(err error) (state string, final error) {
	switch refusal(err) {
	case "Apkam Auth Failed", "Client authentication failed": // so pending is told, the latter by old servers
		return Undecided, nil
	case "Apkam Auth Denied":
		return "", ErrDenied
	case "Apkam Access Revoked":
		return "", ErrRevoked
	case "Apkam Enrollment Expired":
		return "", ErrExpired
	}
	if Unreached(err) {
		return Unreachable, nil
	}
	return "", err
}

// Unreached reports whether the server, or the way to it, failed in a manner that
// may pass: the same question may be asked again, over another connection.
func Unreached(err error) bool {
	switch refusal(err) {
	case "Server is paused", "Inbound connection limit exceeded":
		return true
	}
	var network net.Error // a deadline is one, too
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
}
