package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// stand is a fan-out in this process with a publisher and monitors.
func stand(t *testing.T, monitors int) *stage {
	t.Helper()
	var f fanout
	queue := localServer(t, f.serve)
	s, err := new(notifyCmd).newStage(t.Context(), queue, subscribes, monitors)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	s.line = []byte("something\n")
	return s
}

func TestFanout(t *testing.T) {
	s := stand(t, 5)
	for _, flight := range []int{1, 32} {
		heard, bytes := s.heard.Load(), s.bytes.Load()
		c, err := s.publishing(flight)(t.Context(), 20*time.Millisecond)
		if err != nil || c.requests == 0 || c.requests%int64(5*flight) != 0 || c.took.P50 <= 0 || c.elapsed < 20*time.Millisecond {
			t.Fatalf("%d in flight: %+v, %v", flight, c, err)
		}
		if got := s.heard.Load() - heard; got != c.requests {
			t.Errorf("%d in flight: %d deliveries, %d were heard", flight, c.requests, got)
		}
		if got := s.bytes.Load() - bytes; got != c.requests*int64(len(s.line)) {
			t.Errorf("%d in flight: %d bytes in %d lines", flight, got, c.requests)
		}
	}
}

func TestAudienceFails(t *testing.T) {
	s := stand(t, 2)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.await(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.on[0].conn.Close()
	if _, err := s.publishing(1)(t.Context(), time.Hour); err == nil || !strings.Contains(err.Error(), "monitor") {
		t.Errorf("got %v", err)
	}
}
