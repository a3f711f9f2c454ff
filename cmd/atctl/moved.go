package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

// moved is what came of a move.
type moved struct {
	Records     tally               `json:"records"`
	Blocked     int                 `json:"blocked"`
	Compared    int                 `json:"compared"`
	Differing   []difference        `json:"differing"`
	OnlyNew     int                 `json:"onlyNew"`    // records that the old server does not have
	Enrollments []atauth.Enrollment `json:"enrollAnew"` // of the old server
	Keys        string              `json:"keys"`       // file, for the new server
}

// difference is a record that is not a copy of the one on the old server.
type difference struct {
	Key  string `json:"key"`
	What string `json:"what"`
}

// compare reads both sides.
func (d *moved) compare(ctx context.Context, m *console.Meter, from, to session) error {
	defer m.End()
	there, err := to.fingerprints(ctx)
	if err != nil {
		return fmt.Errorf("read the new server: %w", err)
	}
	d.Differing = []difference{}
	for r, err := range from.records(ctx, func(int) {}) {
		if err != nil {
			return fmt.Errorf("read the old server: %w", err)
		}
		m.Add(1)
		other, found := there[r.Key]
		delete(there, r.Key)
		if r.expired(time.Now()) {
			continue
		}
		d.Compared++
		if what := differs(r, other, found); what != "" {
			d.Differing = append(d.Differing, difference{r.Key, what})
		}
	}
	d.OnlyNew = len(there)
	return nil
}

// differs says in what a copy is none, "" if it is one.
func differs(r record, other fingerprint, found bool) string {
	mark := r.fingerprint()
	key, err := atkey.Parse(r.Key)
	switch {
	case !found:
		return "missing"
	case mark.value != other.value:
		return "other value"
	case mark.same(other), err == nil && isPublicKey(key): // which onboarding has written
		return ""
	}
	return "other metadata"
}

var errDiffers = errors.New("the new server is no copy of the old one")

// report prints the summary. The error says that the copy is none.
func (d *moved) report(con *console.Console, g *globals) (err error) {
	if n := len(d.Differing); n > 0 {
		err = fmt.Errorf("%w: records that differ: %d", errDiffers, n)
	}
	if g.JSON {
		return errors.Join(con.Print(d), err)
	}
	con.Say("records: %v", d.Records)
	con.Say("block list: %d", d.Blocked)
	con.Say("compared: %d records, %d differ, %d are only on the new server", d.Compared, len(d.Differing), d.OnlyNew)
	if len(d.Enrollments) > 0 {
		con.Say("apps that have to be enrolled anew, see atctl enroll request:")
		rows := make([][]string, len(d.Enrollments))
		for i, e := range d.Enrollments {
			rows[i] = []string{console.Plain(e.App), console.Plain(e.Device), console.Plain(console.Rights(e.Namespaces)), console.Plain(e.Status)}
		}
		if err := con.Table([]string{"APP", "DEVICE", "NAMESPACES", "STATUS"}, rows); err != nil {
			return err
		}
	}
	if len(d.Differing) > 0 {
		rows := make([][]string, len(d.Differing))
		for i, difference := range d.Differing {
			rows[i] = []string{difference.Key, difference.What}
		}
		if err := con.Table([]string{"KEY", "DIFFERENCE"}, rows); err != nil {
			return err
		}
	}
	con.Say("the key file for the new server: %s", d.Keys)
	return err
}
