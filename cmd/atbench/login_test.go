package main

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"
	"time"
)

// What the client does for itself does not count.
func TestConnecting(t *testing.T) {
	echo := local(t)
	own := new(time.Duration)
	for range 2 {
		c, err := echo.connecting(own)(t.Context(), 20*time.Millisecond)
		if err != nil || c.requests < 1 || c.elapsed < 20*time.Millisecond || c.took.P50 <= 0 {
			t.Errorf("%+v, %v", c, err)
		}
		echo.welcome = func(*stream) error {
			begin := time.Now()
			<-time.After(40 * time.Millisecond) // signs
			*own = time.Since(begin)
			return nil
		}
		if *own > 0 && c.took.P50 > 20 {
			t.Errorf("took %v ms without signing", c.took.P50)
		}
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
