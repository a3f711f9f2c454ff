package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"atserver/enroll"
)

// collector takes the figures that the parts of the server keep when somebody asks
// for the metrics, and only then.
type collector struct{ *Server }

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	for _, part := range []func(figures){c.connections, c.rights, c.store, c.notifications, c.others, c.state} {
		part(to)
	}
}

// figures is where metrics go.
type figures chan<- prometheus.Metric

// gauge and total tell a value. Names of labels and their values alternate.
func (f figures) gauge(name, help string, value float64, labels ...string) {
	f.tell(prometheus.GaugeValue, name, help, value, labels)
}

func (f figures) total(name, help string, value float64, labels ...string) {
	f.tell(prometheus.CounterValue, name+"_total", help, value, labels)
}

func (f figures) tell(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	names, values := []string{}, []string{}
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	f <- prometheus.MustNewConstMetric(prometheus.NewDesc(prefix+name, help, names, nil), kind, value, values...)
}

func (c collector) connections(f figures) {
	open, noPlace, noPlaceFrom := c.gate.figures()
	for _, kind := range []enroll.Kind{enroll.Anonymous, enroll.Peer, enroll.CRAM, enroll.App} {
		f.gauge("connections_open", "Connections by who they proved to be.", float64(open[kind]), "kind", kindName(kind))
	}
	f.gauge("connections_limit", "Connections that there may be.", float64(c.gate.places()))
	f.total("connections_accepted", "Connections that came.", float64(c.nextID.Load()))
	const refused = "Connections turned away: for all places were taken, or all that one address may have."
	f.total("connections_refused", refused, float64(noPlace), "reason", "full")
	f.total("connections_refused", refused, float64(noPlaceFrom), "reason", "address")
	for why := range reasons {
		f.total("connections_ended", "Connections that ended, by reason.", float64(c.ended[why].Load()), "reason", why.String())
	}
	monitors, events := c.hub.Watched()
	f.gauge("monitors", "Connections that are told of notifications.", float64(monitors))
	f.total("monitor_events", "What there was to tell monitors.", float64(events))
	f.gauge("line_budget_free_bytes", "Memory left for long commands.", float64(c.budget.free.Load()))
}

func (c collector) rights(f figures) {
	now, statuses := c.env.Registry.Time(), map[Status]int{}
	for _, e := range c.env.Registry.Sorted() {
		statuses[e.StatusAt(now)]++
	}
	for _, status := range []Status{Pending, Approved, Denied, Revoked, Expired} {
		f.gauge("enrollments", "Enrollments by status.", float64(statuses[status]), "status", string(status))
	}
}

func (c collector) store(f figures) {
	kept, err := c.db.Figures()
	if err != nil {
		f <- prometheus.NewInvalidMetric(prometheus.NewDesc(prefix+"store_bytes", "", nil, nil), err)
		return
	}
	const size = "Bytes on disk, by the sort of file."
	f.gauge("store_bytes", size, float64(kept.Tables), "part", "tables")
	f.gauge("store_bytes", size, float64(kept.Log), "part", "log")
	f.gauge("store_bytes", size, float64(kept.ValueLog), "part", "values")
	f.gauge("store_bytes", size, float64(kept.Other), "part", "other")
	f.gauge("store_free_bytes", "Bytes that may still be written before changes are refused.", float64(kept.Free))
	f.total("store_syncs", "Times that changes were brought to disk.", float64(kept.Syncs))
	f.total("store_merges", "Times that tables were merged.", float64(kept.Merges))
	f.total("record_changes", "Changes of records, ever.", float64(kept.Commits))
	f.total("audit_entries", "Entries of the audit chain, ever.", float64(kept.Audits))
	f.gauge("notifications_queued", "Notifications that wait to be sent.", float64(kept.Queued))
}

func (c collector) notifications(f figures) {
	box := c.outbox.Figures()
	const recipients = "Other atSigns for which notifications wait: being served, or waiting for their turn or the next try."
	f.gauge("outbox_recipients", recipients, float64(box.Serving), "state", "serving")
	f.gauge("outbox_recipients", recipients, float64(box.Waiting), "state", "waiting")
	const ended = "Notifications for other atSigns that came to an end, by how."
	f.total("notifications_sent", ended, float64(box.Delivered), "result", "delivered")
	f.total("notifications_sent", ended, float64(box.Refused), "result", "refused")
	f.total("notifications_sent", ended, float64(box.Expired), "result", "expired")
	f.total("notification_failures", "Tries to send one that will be repeated.", float64(box.Failed))
}

func (c collector) others(f figures) {
	for pool, of := range c.pools() {
		asked, failed := of.Asked()
		f.gauge("peer_connections", "Connections to other atServers: for apps, for notifications.", float64(of.Open()), "pool", pool)
		f.total("peer_requests", "Requests to other atServers.", float64(asked), "pool", pool)
		f.total("peer_failures", "Requests to other atServers that got no reply.", float64(failed), "pool", pool)
	}
}

func (c collector) state(f figures) {
	for check, state := range c.readiness().Checks {
		works := 0.0
		if state == "ok" {
			works = 1
		}
		f.gauge("ready", "1 for each part that works, as /readyz tells.", works, "check", check)
	}
	const until = "When the certificate expires, in seconds since 1970: the one shown to clients, to other atServers."
	f.gauge("certificate_expiry_timestamp_seconds", until, float64(c.certificates.validUntil().Unix()), "shown_to", "clients")
	f.gauge("certificate_expiry_timestamp_seconds", until, float64(c.shown.validUntil().Unix()), "shown_to", "peers")
}
