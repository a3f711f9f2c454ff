package main

import (
	"context"
	"slices"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

type listCmd struct {
	Status []string `enum:"pending,approved,denied,revoked,expired" placeholder:"STATUS" help:"List only those that are pending, approved, denied, revoked or expired; may be repeated. Default: all but the expired."`
}

func (c *listCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		list, err := s.List(ctx, c.Status...)
		if err != nil {
			return err
		}
		if g.JSON {
			return con.Print(list)
		}
		if len(list) == 0 {
			con.Say("no enrollments")
			return nil
		}
		rows := make([][]string, len(list))
		for i, e := range list {
			rows[i] = row(e, list, time.Now())
		}
		return con.Table([]string{"ID", "APP", "DEVICE", "NAMESPACES", "STATUS", "REQUESTED", "DECIDED", "EXPIRES"}, rows)
	})
}

// row tells of an enrollment what one needs to judge it.
func row(e atauth.Enrollment, list []atauth.Enrollment, now time.Time) []string {
	at, by := e.DecidedAt, e.DecidedBy
	if e.RevokedBy != "" {
		at, by = e.RevokedAt, e.RevokedBy
	}
	decision := ""
	if by != "" {
		if slices.ContainsFunc(list, func(other atauth.Enrollment) bool { return other.ID == by }) || len(by) == len(e.ID) {
			by = short(by, list)
		}
		decision = console.When(at, now) + " by " + by
	}
	expires := "never"
	if !e.ExpiresAt.IsZero() {
		expires = console.When(e.ExpiresAt, now)
	}
	cells := []string{
		short(e.ID, list), e.App, e.Device, console.Rights(e.Namespaces), e.Status,
		console.When(e.RequestedAt, now) + from(e), decision, expires,
	}
	for i := range cells {
		cells[i] = console.Plain(cells[i])
	}
	return cells
}

// from says where a request came from, if the server told.
func from(e atauth.Enrollment) string {
	if e.RequestedFrom == "" {
		return ""
	}
	return " from " + console.Plain(e.RequestedFrom)
}
