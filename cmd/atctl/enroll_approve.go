package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

type approveCmd struct {
	enrollmentArg
	Yes bool `short:"y" help:"Do not ask back."`
}

var errNotApproved = errors.New("nothing is approved")

// Run does not hold a connection while a person makes up their mind.
func (c *approveCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	var e atauth.Enrollment
	var list []atauth.Enrollment
	err = g.with(ctx, keys, func(ctx context.Context, s session) (err error) {
		e, list, err = c.find(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	if e.Status != "pending" {
		return fmt.Errorf("%s is %s: only what is pending can be approved", name(e, list), e.Status)
	}
	con.Say("%s", describe(string(keys.Sign), e, time.Now()))
	if !c.Yes {
		yes, err := con.Confirm("Let it in? [y/N] ")
		if err != nil {
			return usageError{fmt.Errorf("%w: %w; --yes approves without asking back", errNotApproved, err)}
		}
		if !yes {
			return errNotApproved
		}
	}
	return g.with(ctx, keys, func(ctx context.Context, s session) error {
		if err := s.Approve(ctx, keys, e.ID); err != nil {
			return err
		}
		return decided(con, g, e, "approved", name(e, list)+" is let in", nil)
	})
}

// describe tells what a request asks for.
func describe(sign string, e atauth.Enrollment, now time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s on %s asks for access to %s:\n", console.Plain(e.App), console.Plain(e.Device), sign)
	for _, namespace := range slices.Sorted(maps.Keys(e.Namespaces)) {
		fmt.Fprintf(&out, "  %s\n", access(namespace, e.Namespaces[namespace]))
	}
	life := "until it is revoked"
	if e.Lifetime > 0 {
		life = "for " + console.Span(time.Duration(e.Lifetime)*time.Millisecond)
	}
	fmt.Fprintf(&out, "%s, requested %s%s\nid %s", life, console.When(e.RequestedAt, now), from(e), e.ID)
	return out.String()
}

// access says in words what may be done in a namespace. Names that mean more than
// themselves are spelled out.
func access(namespace, allowed string) string {
	words := map[string]string{"r": "read", "rw": "read and write"}[allowed]
	if words == "" {
		words = console.Plain(allowed)
	}
	switch namespace {
	case "*":
		return words + " EVERYTHING, in every namespace"
	case "__manage":
		if allowed == "rw" {
			return "LET APPS IN and revoke them (__manage)"
		}
		return "see which apps there are, and decide about those with fewer rights (__manage)"
	}
	return words + " " + console.Plain(namespace)
}
