package enroll

import (
	"errors"
	"testing"
	"time"
)

// TestNext walks every cell of the state table (design, enrollment): what is not
// in it must not happen, above all that somebody who is in is denied.
func TestNext(t *testing.T) {
	ops := []Op{Approve, Deny, Revoke, Unrevoke, Delete, "", "request"}
	for from, row := range map[Status][]Status{
		Pending:  {Approved, Denied, "-", "-", "-", "-", "-"},
		Approved: {"-", "-", Revoked, "-", "-", "-", "-"},
		Denied:   {"-", "-", "-", "-", "", "-", "-"},
		Revoked:  {"-", "-", "-", Approved, "", "-", "-"},
		Expired:  {"-", "-", "-", "-", "", "-", "-"},
		"":       {"-", "-", "-", "-", "-", "-", "-"},
		"gone":   {"-", "-", "-", "-", "-", "-", "-"},
	} {
		for i, op := range ops {
			got, err := from.Next(op)
			if row[i] != "-" {
				if err != nil || got != row[i] {
					t.Errorf("%q %s = %q, %v; want %q", from, op, got, err, row[i])
				}
				continue
			}
			var transition *TransitionError
			if got != "" || !errors.As(err, &transition) || *transition != (TransitionError{from, op}) {
				t.Errorf("%q %s = %q, %v; want a TransitionError that names both", from, op, got, err)
			}
		}
	}
}

func TestStatusAt(t *testing.T) {
	end := epoch.Add(time.Minute)
	for _, c := range []struct {
		stored  Status
		expires time.Time
		at      time.Time
		want    Status
	}{
		{Approved, time.Time{}, end.AddDate(1000, 0, 0), Approved},
		{Approved, end, end.Add(-time.Millisecond), Approved},
		{Approved, end, end, Expired},
		{Approved, end, end.Add(time.Hour), Expired},
		{Pending, end, end.Add(-time.Millisecond), Pending},
		{Pending, end, end, Expired},
		{Revoked, end, end.Add(-time.Millisecond), Revoked},
		{Denied, time.Time{}, end, Denied},
	} {
		e := Enrollment{Stored: c.stored, ExpiresAt: c.expires}
		if got := e.StatusAt(c.at); got != c.want {
			t.Errorf("%s until %v is %s at %v, want %s", c.stored, c.expires, got, c.at, c.want)
		}
	}
}
