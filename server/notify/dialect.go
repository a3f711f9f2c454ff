package notify

import (
	"context"
	"encoding/json"

	"atserver/store"
	"atserver/store/atkey"
)

// dialect is what a server understands of notifications, as far as it was found out.
// The zero value is that of a server of today which was not asked.
type dialect struct {
	old   bool // nothing beyond October 2024
	asked bool // for its features:
	eAtn  bool // notify.eAtn
	eph   bool // notify.eph
}

// dialectOf returns how to tell a recipient of n. One that has to understand a
// feature is asked, once; what it does not say it has, it has not.
func (o *Outbox) dialectOf(ctx context.Context, n store.Notification) dialect {
	o.mu.Lock()
	d := o.dialects[n.To]
	o.mu.Unlock()
	if d.asked || d.old || !n.Until && !n.Ephemeral {
		return d
	}
	if brief, err := o.Peers.Ask(ctx, n.To, true, "info:brief"); err == nil {
		d = readFeatures(brief)
		o.remember(n.To, d)
	}
	return d
}

// remember keeps the dialect of a server until it is out of reach: it may come back
// as another one.
func (o *Outbox) remember(of atkey.Sign, d dialect) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.dialects) >= maxKnown {
		clear(o.dialects)
	}
	o.dialects[of] = d
}

// readFeatures reads what "info:brief" answers. A feature is there that is listed and
// nowhere said to be retired.
func readFeatures(brief string) dialect {
	var info struct {
		Features []struct {
			Name   string          `json:"name"`
			Status json.RawMessage `json:"status"`
		} `json:"features"`
	}
	d := dialect{asked: true}
	if json.Unmarshal([]byte(brief), &info) != nil {
		return d
	}
	has, retired := map[string]bool{}, map[string]bool{}
	for _, f := range info.Features {
		has[f.Name] = true
		if string(f.Status) == `"Retired"` {
			retired[f.Name] = true
		}
	}
	d.eAtn = has["notify.eAtn"] && !retired["notify.eAtn"]
	d.eph = has["notify.eph"] && !retired["notify.eph"]
	return d
}
