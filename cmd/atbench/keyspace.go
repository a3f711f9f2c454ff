package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"atserver/enroll/atauth"
)

// wide is how many times as large as the others the first namespace is.
const wide = 10

const (
	broadSpace  = "wide"
	narrowSpace = "ns0"
)

// each is the number of records in an ordinary namespace.
func (c *scaleCmd) each() int { return c.Keys / c.Namespaces }

// update appends a request that writes a record: one namespace after the other,
// so that the first half of the records has half of the namespaces.
func (c *scaleCmd) update(line []byte, record int) []byte {
	line = append(append(c.appendName(append(line, "update:"...), record), benchSign...), ' ')
	return append(append(line, value...), '\n')
}

func (c *scaleCmd) appendName(line []byte, record int) []byte {
	line = append(strconv.AppendInt(append(line, 'k'), int64(record), 10), '.')
	if record < wide*c.each() {
		return append(line, broadSpace...)
	}
	return strconv.AppendInt(append(line, "ns"...), int64(record/c.each()-wide), 10)
}

// count is how often something is in a reply.
func count(payload []byte, what string) int { return bytes.Count(payload, []byte(what)) }

// connect onboards, lets two apps in, and logs all three in.
func (s *scaling) connect(ctx context.Context) error {
	if err := s.server.onboard(ctx); err != nil {
		return err
	}
	for _, c := range []struct {
		on    **stream
		space string
	}{{&s.owner, ""}, {&s.narrow, narrowSpace}, {&s.broad, broadSpace}} {
		as := s.server.target
		if c.space != "" {
			keys, err := s.server.letIn(ctx, c.space)
			if err != nil {
				return fmt.Errorf("enroll: %w", err)
			}
			as.welcome = func(c *stream) error { return logsIn(c, keys) }
		}
		var err error
		if *c.on, err = as.dial(ctx); err != nil {
			return err
		}
	}
	return nil
}

// letIn enrolls an app for one namespace, as its owner does it: passcode,
// request, approval.
func (s *atserver) letIn(ctx context.Context, namespace string) (atauth.Keys, error) {
	owner, err := atauth.Dial(ctx, s.options())
	if err != nil {
		return atauth.Keys{}, err
	}
	defer owner.Close()
	if err := owner.Authenticate(ctx, s.keys); err != nil {
		return atauth.Keys{}, err
	}
	code, err := owner.OTP(ctx, 0)
	if err != nil {
		return atauth.Keys{}, err
	}
	pending, err := atauth.Submit(ctx, s.options(), atauth.Request{
		App: "atbench", Device: namespace, Namespaces: map[string]string{namespace: "rw"}, OTP: code,
	})
	if err != nil {
		return atauth.Keys{}, err
	}
	if err := owner.Approve(ctx, s.keys, pending.Enrollment); err != nil {
		return atauth.Keys{}, err
	}
	return pending.Wait(ctx, nil)
}
