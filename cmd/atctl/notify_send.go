package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type notifySendCmd struct {
	To     string        `arg:"" placeholder:"@bob" help:"Whom to tell."`
	Key    string        `arg:"" help:"Of which key: name.namespace. With --text, the text."`
	Value  string        `arg:"" optional:"" help:"The value, of text; it goes encrypted. - for standard input, to its last byte. Default: none."`
	Text   bool          `help:"Send a text instead of a key. It is NOT encrypted: both servers can read it."`
	Delete bool          `help:"Tell that the key was deleted."`
	TTL    time.Duration `name:"ttl" default:"24h" help:"How long it is worth delivering (${default})."`
	Wait   bool          `help:"Wait until it is delivered, as long as --timeout allows; fail if it is not."`
}

func (c *notifySendCmd) Help() string {
	return `Prints the id of the notification. That means that your server has taken it, and
goes on until it is delivered or not worth it any more; --wait, or later atctl notify
status ID, tells what became of it. Nothing is stored: see atctl share for that.`
}

// dispatch is the JSON form of a notification on its way.
type dispatch struct {
	ID     string `json:"id"`
	Status string `json:"status"` // queued, delivered, errored, expired
}

const queued = "queued"

func (c *notifySendCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	to, err := parseSign(c.To)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return err
	}
	value, err := c.value(con)
	if err != nil {
		return err
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		line, err := c.line(ctx, s, to, value)
		if err != nil {
			return fmt.Errorf("notify %s: %w", to, err)
		}
		id, err := s.Ask(ctx, line)
		if err != nil {
			return fmt.Errorf("notify %s: %w", to, err)
		}
		status := queued
		if c.Wait {
			status, err = s.settled(ctx, id)
		}
		if shown := c.show(con, g, dispatch{id, status}); shown != nil {
			return shown
		}
		return err
	})
}

// check refuses what cannot be sent, before anything is.
func (c *notifySendCmd) check() error {
	switch {
	case c.TTL < time.Millisecond || c.TTL%time.Millisecond != 0:
		return usageError{errors.New("--ttl must be whole milliseconds, and some")}
	case c.Text && c.Delete:
		return usageError{errors.New("a text cannot be deleted: leave out --text or --delete")}
	case c.Value != "" && (c.Text || c.Delete):
		return usageError{errors.New("there is no value with --text, nor with --delete")}
	case c.Text && !fitsText(c.Key):
		return usageError{errors.New("a text message is one line of 2 characters at least, without @ and ::, and begins with no colon")}
	}
	return nil
}

// fitsText tells whether a text stays what it is where the protocol has a key.
func fitsText(text string) bool {
	return utf8.RuneCountInString(text) >= 2 && survives(text) && !strings.HasPrefix(text, ":") &&
		!strings.Contains(text, "@") && !strings.Contains(text, "::")
}

// value returns what goes with the key, nil for nothing.
func (c *notifySendCmd) value(con *console.Console) ([]byte, error) {
	if c.Value == "" {
		return nil, nil
	}
	value, err := enteredValue(con, c.Value)
	if err == nil && !utf8.Valid(value) {
		err = usageError{errors.New("a notification cannot say that its value is no text: share it, and notify of the key alone")}
	}
	return value, err
}

// line is the command that sends the notification.
func (c *notifySendCmd) line(ctx context.Context, s session, to atkey.Sign, value []byte) (string, error) {
	operation, kind := "update", "key"
	if c.Delete {
		operation = "delete"
	}
	if c.Text {
		kind = "text"
	}
	head := fmt.Sprintf("notify:id:%s:%s:messageType:%s:ttln:%d", notificationID(), operation, kind, c.TTL.Milliseconds())
	if c.Text {
		return head + ":" + string(to) + ":" + c.Key, nil
	}
	key, err := sharedKey(c.Key, s.Sign, to)
	if err != nil || value == nil {
		return head + ":" + key.String(), err
	}
	seal := s.keys.Seal
	if to != s.Sign {
		common, err := s.commonKeyWith(ctx, to, false)
		if err != nil {
			return "", err
		}
		seal = common.Seal
	}
	v, err := seal(value)
	return head + v.Fragments + ":" + key.String() + ":" + v.Text, err
}

// notificationID makes an id as the SDKs do, a random UUID. The sender chooses it so
// that the same notification is not two when it is sent again.
func notificationID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// settled waits until a notification is no longer queued and returns its status; any
// but delivered is an error.
func (s session) settled(ctx context.Context, id string) (status string, err error) {
	for n := 0; ; n++ {
		now, err := s.Ask(ctx, "notify:status:"+id)
		switch {
		case ctx.Err() != nil:
			return queued, errNotYet
		case err != nil:
			return queued, fmt.Errorf("ask what became of it: %w", err)
		case now == queued:
		default:
			return now, undelivered(now)
		}
		if pause(ctx, min(50*time.Millisecond<<min(n, 5), time.Second)) != nil {
			return queued, errNotYet
		}
	}
}

var errNotYet = errors.New("it is not delivered yet, because the server of the other one does not answer; yours goes on trying until it expires")

// undelivered is the error for a status that is final.
func undelivered(status string) error {
	switch status {
	case "delivered":
		return nil
	case "errored":
		return errors.New("it cannot be delivered: there is no such atSign, or its server refuses it")
	case "expired":
		return errors.New("it expired before it could be delivered")
	case "null":
		return errors.New("the server does not know of it any more")
	}
	return fmt.Errorf("its status is %q, which means nothing to atctl", status)
}

func (c *notifySendCmd) show(con *console.Console, g *globals, n dispatch) error {
	if g.JSON {
		return con.Print(n)
	}
	con.Say("%s", n.Status)
	return con.PrintValue([]byte(n.ID + "\n"))
}
