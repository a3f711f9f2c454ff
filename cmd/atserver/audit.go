package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"atserver/cmd/console"
	"atserver/server"
	"atserver/store"
)

// auditCmd reads the audit trail of a running server.
type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List who did what, when and from where."`
	Verify auditVerifyCmd `cmd:"" help:"Check that no entry was edited, removed or swapped."`
}

type auditListCmd struct {
	operatorFlags
	After  int64 `default:"-1" help:"Only entries with a higher number."`
	Follow bool  `short:"f" help:"Go on with what happens, until interrupted."`
	JSON   bool  `help:"For programs: one entry a line."`
}

// Run lists entries, oldest first.
func (c *auditListCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	con := console.Terminal()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var page server.Audited
		if err := c.ask(http.MethodGet, "/audit?after="+strconv.FormatInt(c.After, 10), &page); err != nil {
			return err
		}
		if err := c.show(con, page.Entries); err != nil {
			return err
		}
		if n := len(page.Entries); n > 0 {
			c.After = page.Entries[n-1].Seq
			continue
		}
		if !c.Follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *auditListCmd) show(con *console.Console, entries []store.AuditEntry) error {
	if c.JSON {
		out := json.NewEncoder(con.Out)
		for _, e := range entries {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	for _, e := range entries {
		detail := make([]string, 0, len(e.Detail))
		for name, value := range e.Detail {
			detail = append(detail, name+"="+value)
		}
		slices.Sort(detail)
		line := fmt.Sprintf("%6d  %s  %-5s  %-18s  %s", e.Seq, e.Time.Local().Format("2006-01-02 15:04:05"), e.Outcome, e.Action,
			strings.Join(slices.DeleteFunc(append([]string{e.Actor, e.Target, e.From}, detail...), func(s string) bool { return s == "" }), "  "))
		if _, err := fmt.Fprintln(con.Out, console.Paint(con.Colour && e.Outcome != "allow", console.Red, console.Tame(line))); err != nil {
			return err
		}
	}
	return nil
}

type auditVerifyCmd struct{ operatorFlags }

// Run ends with an error when the chain does not hold.
func (c *auditVerifyCmd) Run() error {
	var found server.Verified
	if err := c.ask(http.MethodGet, "/audit/verify", &found); err != nil {
		return err
	}
	if found.Fault != "" {
		return fmt.Errorf("the audit trail does not hold: %s", found.Fault)
	}
	fmt.Fprintf(os.Stdout, "%d entries, the chain holds\n", found.Entries)
	return nil
}
