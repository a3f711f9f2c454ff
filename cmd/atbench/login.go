package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"path/filepath"
	"time"
)

// loginCmd measures what it takes to come in.
type loginCmd struct {
	where   `embed:""`
	Pairs   int     `default:"9" help:"Pairs of measurements for each figure (${default})."`
	Seconds float64 `default:"1" help:"Length of a measurement (${default})."`
}

// Help is what kong shows below the flags.
func (loginCmd) Help() string {
	return "A login is a new connection, from and pkam with an enrolled RSA key, without the time that the client takes to " +
		"sign. It is measured beside a new connection to the echo with one request, and beside the verification of such a " +
		"signature alone. One comes after the other."
}

// Validate keeps loads bounded.
func (c *loginCmd) Validate() error {
	if err := seconds("seconds", c.Seconds, 60); err != nil {
		return err
	}
	return within("pairs", c.Pairs, 1, 1000)
}

// Run measures and prints.
func (c *loginCmd) Run(ctx context.Context) error {
	return c.measure(ctx, func(dir, binary string, h host) (printed, error) {
		rates, err := c.rates(ctx, dir, binary)
		return &report{host: h, Pairs: c.Pairs, Seconds: c.Seconds, Rates: rates}, err
	})
}

func (c *loginCmd) rates(ctx context.Context, dir, binary string) (rates []rate, err error) {
	atserver, err := startServer(ctx, filepath.Join(dir, "login"), binary, 1)
	if err != nil {
		return nil, err
	}
	defer atserver.stop()
	if err := atserver.onboard(ctx); err != nil {
		return nil, err
	}
	echo, err := startEcho(ctx, filepath.Join(dir, "echo"), 1)
	if err != nil {
		return nil, err
	}
	defer echo.stop()
	bare := echo.target
	bare.welcome = func(s *stream) error {
		if err := echo.welcome(s); err != nil {
			return err
		}
		_, err := s.ask("noop:0\n")
		return err
	}
	logins, signing := atserver.target, new(time.Duration)
	logins.welcome = func(s *stream) (err error) { *signing, err = logIn(s, atserver.keys); return err }
	for _, r := range []struct {
		against string
		theirs  measurement
	}{
		{"handshake", bare.connecting(new(time.Duration))},
		{"RSA verify", verifying(atserver.keys.PKAM)},
	} {
		say("login against %s", r.against)
		p, err := byTurns(ctx, c.Pairs, duration(c.Seconds), logins.connecting(signing), r.theirs)
		if err != nil {
			return nil, atserver.explain(err)
		}
		rates = append(rates, rate{Work: "login", Against: r.against, Connections: 1, Pipeline: 1, pairs: p})
	}
	return rates, nil
}

// connecting makes a connection, leaves it, and makes the next. What the client
// did meanwhile that is not to count is in own after each.
func (t *target) connecting(own *time.Duration) measurement {
	return func(ctx context.Context, length time.Duration) (c cost, err error) {
		var took []float64
		before, err := activityOf(t.pid)
		if err != nil {
			return c, err
		}
		for c.elapsed < length {
			begin := time.Now()
			s, err := t.dial(ctx)
			if err != nil {
				return c, err
			}
			d := time.Since(begin) - *own
			s.conn.Close()
			c.requests, c.elapsed, took = c.requests+1, c.elapsed+d, append(took, milliseconds(d))
		}
		after, err := activityOf(t.pid)
		c.cpu, c.took = after.cpu-before.cpu, quantilesOf(took)
		return c, err
	}
}

// verifying verifies a signature again and again, here.
func verifying(key *rsa.PrivateKey) measurement {
	return func(ctx context.Context, length time.Duration) (c cost, err error) {
		digest := sha256.Sum256([]byte("challenge"))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		if err != nil {
			return c, err
		}
		var took []float64
		before, err := activityOf(os.Getpid())
		for c.elapsed < length && err == nil {
			begin := time.Now()
			err = rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)
			d := time.Since(begin)
			c.requests, c.elapsed, took = c.requests+1, c.elapsed+d, append(took, milliseconds(d))
		}
		if err != nil {
			return c, err
		}
		after, err := activityOf(os.Getpid())
		c.cpu, c.took = after.cpu-before.cpu, quantilesOf(took)
		return c, err
	}
}
