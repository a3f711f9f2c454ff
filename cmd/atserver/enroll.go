package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"atserver/cmd/console"
	"atserver/server"
)

// enrollCmd is what an operator may do about enrollments. Approving is not among
// it: that takes the owner's keys, see atctl.
type enrollCmd struct {
	List     enrollListCmd `cmd:"" help:"List who may act for this atSign, and who asks to."`
	Show     enrollShowCmd `cmd:"" help:"Show one enrollment."`
	Deny     enrollActCmd  `cmd:"" help:"Turn a request down."`
	Revoke   enrollActCmd  `cmd:"" help:"End what an app may do, at once, and everybody whom it let in."`
	Unrevoke enrollActCmd  `cmd:"" help:"Take a revocation back."`
	Delete   enrollActCmd  `cmd:"" help:"Forget an enrollment that was denied, revoked or has expired."`
}

type enrollListCmd struct {
	operatorFlags
	Status string `enum:",pending,approved,denied,revoked,expired" default:"" help:"Only these: pending, approved, denied, revoked or expired."`
	JSON   bool   `help:"For programs."`
	Watch  bool   `help:"Show it anew every second until interrupted."`
}

// Run lists enrollments, once or until a signal ends it.
func (c *enrollListCmd) Run() error {
	con := console.Terminal()
	if !c.Watch {
		return c.show(con)
	}
	ctx, stop := untilSignal()
	defer stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if con.Shown && !c.JSON {
			fmt.Fprint(con.Out, "\x1b[H\x1b[2J")
		}
		if err := c.show(con); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *enrollListCmd) show(con *console.Console) error {
	var all []server.Listed
	if err := c.ask(http.MethodGet, "/enrollments?status="+url.QueryEscape(c.Status), &all); err != nil {
		return err
	}
	if c.JSON {
		return con.Print(all)
	}
	now := time.Now()
	rows := make([][]string, len(all))
	for i, e := range all {
		rows[i] = []string{
			e.ID[:min(8, len(e.ID))], e.App, e.Device, console.Rights(e.Namespaces), string(e.Status),
			ago(e.RequestedAt, now) + " " + e.RequestedFrom, ago(e.DecidedAt, now) + " " + short(e.DecidedBy),
			ago(e.ExpiresAt, now), ago(e.LastSeen, now) + " " + e.LastFrom, strconv.Itoa(e.Connections),
		}
	}
	return con.Table([]string{"ID", "APP", "DEVICE", "NAMESPACES", "STATUS", "REQUESTED", "DECIDED", "EXPIRES", "LAST SEEN", "LIVE"}, rows,
		func(row int) string { return colours[all[row].Status] })
}

// colours show at a glance what waits for a decision and what is over.
var colours = map[server.Status]string{server.Pending: console.Yellow, server.Denied: console.Grey, server.Revoked: console.Grey, server.Expired: console.Grey}

type enrollShowCmd struct {
	operatorFlags
	ID   string `arg:"" help:"Id, or the beginning of it."`
	JSON bool   `help:"For programs."`
}

// Run shows one enrollment.
func (c *enrollShowCmd) Run() error {
	e, err := c.enrollment(c.ID)
	if err != nil {
		return err
	}
	con := console.Terminal()
	if c.JSON {
		return con.Print(e)
	}
	now := time.Now()
	rows := [][]string{
		{"id", e.ID}, {"app", e.App}, {"device", e.Device}, {"namespaces", console.Rights(e.Namespaces)}, {"status", string(e.Status)},
		{"consent by", e.Origin}, {"requested", full(e.RequestedAt, now) + " from " + e.RequestedFrom},
		{"decided", full(e.DecidedAt, now) + " by " + e.DecidedBy}, {"let in by", e.Parent}, {"replaces", e.SuccessorOf},
		{"revoked", full(e.RevokedAt, now) + " by " + e.RevokedBy}, {"expires", full(e.ExpiresAt, now)},
		{"last seen", full(e.LastSeen, now) + " from " + e.LastFrom}, {"connections", strconv.Itoa(e.Connections)},
	}
	rows = slices.DeleteFunc(rows, func(row []string) bool {
		return row[1] == "" || strings.HasPrefix(row[1], " ") // nothing to tell
	})
	return con.Table([]string{"", ""}, rows)
}

type enrollActCmd struct {
	operatorFlags
	ID string `arg:"" help:"Id, or the beginning of it."`
}

// Run decides. Which act it is stands in the command's name.
func (c *enrollActCmd) Run(act verb) error {
	e, err := c.enrollment(c.ID)
	if err != nil {
		return err
	}
	var done server.Decided
	if act == "delete" {
		err = c.ask(http.MethodDelete, enrollmentPath(e.ID), &done)
	} else {
		err = c.ask(http.MethodPost, enrollmentPath(e.ID, string(act)), &done)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "%s: %s on %s, %s\n", e.ID, e.App, e.Device, map[verb]string{
		"deny": "denied", "revoke": "revoked", "unrevoke": "approved again", "delete": "deleted",
	}[act])
	if len(done.Fallen) > 0 {
		fmt.Printf("revoked with it, because it let them in: %s\n", strings.Join(done.Fallen, " "))
	}
	if act == "revoke" {
		fmt.Printf("%d connections closed\n", done.Closed)
	}
	return nil
}

// verb is the last word of the command that was chosen.
type verb string

func short(id string) string {
	if len(id) == 36 {
		return id[:8]
	}
	return id
}

// ago spells a time by its distance from now, "" for none.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return console.When(t, now)
}

// full spells a time, "" for none.
func full(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime) + " (" + console.When(t, now) + ")"
}
