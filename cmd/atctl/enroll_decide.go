package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

type denyCmd struct{ enrollmentArg }

func (c *denyCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return c.decide(ctx, con, g, "denied", "is turned down", (*atauth.Client).Deny)
}

type unrevokeCmd struct{ enrollmentArg }

func (c *unrevokeCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return c.decide(ctx, con, g, "approved", "may act again", (*atauth.Client).Unrevoke)
}

type forgetCmd struct{ enrollmentArg }

func (c *forgetCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return c.decide(ctx, con, g, "deleted", "is deleted", (*atauth.Client).Delete)
}

// decide has an enrollment get a status.
func (a enrollmentArg) decide(ctx context.Context, con *console.Console, g *globals, status, words string,
	act func(*atauth.Client, context.Context, string) error,
) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		e, list, err := a.find(ctx, s)
		if err == nil {
			err = act(s.Client, ctx, e.ID)
		}
		if err != nil {
			return err
		}
		return decided(con, g, e, status, name(e, list)+" "+words, nil)
	})
}

type revokeCmd struct {
	enrollmentArg
	Force bool `help:"Also if it is the enrollment of the key file in use, which is of no more use then."`
}

func (c *revokeCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		e, list, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if e.ID == s.keys.Enrollment && !c.Force {
			return usageError{errors.New("that is the enrollment of the key file in use; to end it all the same, add --force")}
		}
		fallen, err := s.Revoke(ctx, e.ID, c.Force)
		if err != nil {
			return err
		}
		words := name(e, list) + " is revoked"
		if len(fallen) > 0 {
			var names []string
			for _, other := range list {
				if slices.Contains(fallen, other.ID) {
					names = append(names, name(other, list))
				}
			}
			words += fmt.Sprintf("\n%d more fell with it, let in by it or by one of them: %s", len(fallen), strings.Join(names, ", "))
		}
		return decided(con, g, e, "revoked", words, fallen)
	})
}

// decided reports what an enrollment is now.
func decided(con *console.Console, g *globals, e atauth.Enrollment, status, words string, fallen []string) error {
	if !g.JSON {
		con.Say("%s", words)
		return nil
	}
	return con.Print(struct {
		ID     string   `json:"enrollmentId"`
		Status string   `json:"status"`
		Fallen []string `json:"cascadedEnrollmentIds,omitempty"`
	}{e.ID, status, fallen})
}
