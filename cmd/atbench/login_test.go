package main

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"
	"time"
)

// What the client does for itself does not count: were that less than nothing by an
// hour, a connection would take an hour.
func TestConnecting(t *testing.T) {
	echo := local(t)
	own := new(time.Duration)
	c, err := echo.connecting(own)(t.Context(), 20*time.Millisecond)
	if err != nil || c.requests < 1 || c.elapsed < 20*time.Millisecond || c.took.P50 <= 0 || c.took.P50 >= 3_600_000 {
		t.Errorf("%+v, %v", c, err)
	}
	echo.welcome = func(*stream) error { *own = -time.Hour; return nil }
	c, err = echo.connecting(own)(t.Context(), 20*time.Millisecond)
	if err != nil || c.requests != 1 || c.elapsed < time.Hour || c.took.P50 < 3_600_000 {
		t.Errorf("%+v, %v", c, err)
	}
	refused := errors.New("refused")
	echo.welcome = func(*stream) error { return refused }
	if _, err := echo.connecting(own)(t.Context(), time.Hour); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func TestVerifying(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c, err := verifying(key)(t.Context(), 10*time.Millisecond)
	if err != nil || c.requests < 2 || c.elapsed < 10*time.Millisecond {
		t.Errorf("%+v, %v", c, err)
	}
}
