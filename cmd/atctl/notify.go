package main

import (
	"context"
	"encoding/json"
	"fmt"

	"atserver/cmd/console"
)

type notifyCmd struct {
	Send   notifySendCmd   `cmd:"" default:"withargs" help:"Tell another atSign of something; the word send may be left out."`
	List   notifyListCmd   `cmd:"" help:"List what you were notified of."`
	Status notifyStatusCmd `cmd:"" help:"Tell how far a notification has come."`
	Fetch  notifyFetchCmd  `cmd:"" help:"Show all that the server knows of a notification."`
	Remove notifyRemoveCmd `cmd:"" help:"Remove a notification from your server."`
}

// notificationArg names a notification.
type notificationArg struct {
	ID string `arg:"" help:"Id of the notification."`
}

// check refuses what would not be one id on the wire.
func (a notificationArg) check() error {
	if a.ID == "" || checkRegex(a.ID) != nil {
		return usageError{fmt.Errorf("%q is no id of a notification", a.ID)}
	}
	return nil
}

// ask is login for a question about a notification.
func (a notificationArg) ask(ctx context.Context, con *console.Console, g *globals, verb string, answer func(reply string) error) error {
	if err := a.check(); err != nil {
		return err
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		reply, err := s.Ask(ctx, "notify:"+verb+":"+a.ID)
		if err != nil {
			return fmt.Errorf("%s notification %s: %w", verb, a.ID, err)
		}
		return answer(reply)
	})
}

type notifyStatusCmd struct{ notificationArg }

func (c *notifyStatusCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return c.ask(ctx, con, g, "status", func(status string) error {
		if status == "null" {
			return noNotification(c.ID)
		}
		if g.JSON {
			return con.Print(dispatch{ID: c.ID, Status: status})
		}
		return con.PrintValue([]byte(status + "\n"))
	})
}

func noNotification(id string) error {
	return notFoundError{fmt.Errorf("the server knows of no notification %s, or not any more", id)}
}

type notifyFetchCmd struct{ notificationArg }

func (c *notifyFetchCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return c.ask(ctx, con, g, "fetch", func(reply string) error {
		var known struct{ FromAtSign *string }
		if err := json.Unmarshal([]byte(reply), &known); err != nil {
			return fmt.Errorf("fetch notification %s: the server sent something else: %w", c.ID, err)
		}
		if known.FromAtSign == nil { // it says expired of all that it does not know
			return noNotification(c.ID)
		}
		return showMetadata(con, g, json.RawMessage(reply))
	})
}

type notifyRemoveCmd struct{ notificationArg }

func (c *notifyRemoveCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return c.ask(ctx, con, g, "remove", func(string) error {
		con.Say("removed %s", console.Plain(c.ID))
		return nil
	})
}
