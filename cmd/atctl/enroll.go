package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
)

type enrollCmd struct {
	Request  requestCmd  `cmd:"" help:"Ask for access, for an app on a device, and wait for the decision."`
	List     listCmd     `cmd:"" help:"List who may act, or asks to."`
	Approve  approveCmd  `cmd:"" help:"Let an app in."`
	Deny     denyCmd     `cmd:"" help:"Turn a request down."`
	Revoke   revokeCmd   `cmd:"" help:"End what an app may do, and those whom it let in."`
	Unrevoke unrevokeCmd `cmd:"" help:"Take a revocation back."`
	Delete   forgetCmd   `cmd:"" help:"Remove an enrollment that was denied or revoked."`
}

// allStatuses has a list name those that have expired, too.
var allStatuses = []string{"pending", "approved", "denied", "revoked", "expired"}

// enrollmentArg names an enrollment as a person does.
type enrollmentArg struct {
	ID string `arg:"" help:"Id of the enrollment, or as many of its first characters as no other id begins with."`
}

// find returns the enrollment that is meant, and all that there are.
func (a enrollmentArg) find(ctx context.Context, s session) (e atauth.Enrollment, list []atauth.Enrollment, err error) {
	if list, err = s.List(ctx, allStatuses...); err != nil {
		return e, nil, err
	}
	e, err = pick(a.ID, list)
	return e, list, err
}

// pick returns the enrollment of which text is the id, or the beginning of it.
func pick(text string, list []atauth.Enrollment) (atauth.Enrollment, error) {
	id := strings.ToLower(strings.TrimSpace(text))
	var meant []atauth.Enrollment
	var ids []string
	for _, e := range list {
		if e.ID == id {
			return e, nil
		}
		if id != "" && strings.HasPrefix(e.ID, id) {
			meant, ids = append(meant, e), append(ids, e.ID)
		}
	}
	switch len(meant) {
	case 0:
		return atauth.Enrollment{}, notFoundError{fmt.Errorf("no enrollment has the id %q; atctl enroll list tells them", text)}
	case 1:
		return meant[0], nil
	}
	return atauth.Enrollment{}, usageError{fmt.Errorf("%q may be %s: give more characters", text, strings.Join(ids, " or "))}
}

// shortest is how many characters of an id are shown at least.
const shortest = 8

// short returns as much of an id as tells it from the others.
func short(id string, list []atauth.Enrollment) string {
	for n := shortest; n < len(id); n++ {
		if !slices.ContainsFunc(list, func(e atauth.Enrollment) bool { return e.ID != id && strings.HasPrefix(e.ID, id[:n]) }) {
			return id[:n]
		}
	}
	return id
}

// name says which app an enrollment is.
func name(e atauth.Enrollment, list []atauth.Enrollment) string {
	return fmt.Sprintf("%s on %s (%s)", console.Plain(e.App), console.Plain(e.Device), short(e.ID, list))
}
