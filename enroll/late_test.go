package enroll

import (
	"fmt"
	"testing"
	"time"

	"atserver/store"
)

// Logins wait in their order, and no more of them than is fit.
func TestLate(t *testing.T) {
	var l late
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range maxLate {
		outcome := "allow"
		if i < maxLate/2 {
			outcome = "deny"
		}
		if !l.add(store.Event{Actor: fmt.Sprint(i), Outcome: outcome}, at) {
			t.Fatalf("no room for the login after %d", i)
		}
		if i == maxLate/2 && l.add(store.Event{Outcome: "deny"}, at) {
			t.Fatal("failed ones take more than half")
		}
	}
	if l.add(store.Event{Actor: "one more"}, at) {
		t.Error("one more than there is room for")
	}
	taken := l.take()
	if len(l.take()) != 0 {
		t.Error("taken twice")
	}
	if !l.add(store.Event{Actor: "meanwhile"}, at) {
		t.Error("no room once they are taken")
	}
	l.put(taken) // they were not written
	for i, e := range l.take() {
		want := fmt.Sprint(i)
		if i == maxLate {
			want = "meanwhile"
		}
		if e.Actor != want || e.Detail["at"] != "2026-01-02T03:04:05Z" {
			t.Fatalf("%d is %+v", i, e)
		}
	}
}
