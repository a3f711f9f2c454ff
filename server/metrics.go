package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"atserver/verbs"
)

// prefix begins the name of each metric of ours.
const prefix = "atserver_"

// metrics are what is counted as it happens. What others keep anyway is asked for
// when somebody looks: see collector. No label holds what somebody sent.
type metrics struct {
	registry       *prometheus.Registry
	verbs          map[string]verbMetrics // by name
	commands       *prometheus.CounterVec
	received, sent prometheus.Counter
	groups, writes prometheus.Histogram
}

// verbMetrics are those of one verb, found beforehand.
type verbMetrics struct {
	label   string
	ok      prometheus.Counter
	seconds prometheus.Observer
}

// noVerb stands for the verb of lines that name none.
const noVerb = "unknown"

var (
	commandSeconds = []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10}
	writeSeconds   = []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3}
	groupSizes     = []float64{1, 2, 4, 8, 16, 32, 64, 128}
)

func newMetrics(names []string) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}
	}
	m := &metrics{
		registry: prometheus.NewRegistry(), verbs: map[string]verbMetrics{},
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "commands_total", Help: "Commands by verb and outcome: ok, or the code of the error.",
		}, []string{"verb", "outcome"}),
		received: counter("received_bytes_total", "Bytes of commands."),
		sent:     counter("sent_bytes_total", "Bytes of replies and of what monitors were told."),
		groups:   prometheus.NewHistogram(histogram("store_group_updates", "Updates that shared one commit and its sync.", groupSizes)),
		writes:   prometheus.NewHistogram(histogram("store_commit_seconds", "Time of commits, their syncs included.", writeSeconds)),
	}
	seconds := prometheus.NewHistogramVec(histogram("command_seconds", "Time that executing commands took.", commandSeconds), []string{"verb"})
	for _, name := range append(names, "") {
		label := name
		if name == "" {
			label = noVerb
		}
		m.verbs[name] = verbMetrics{label, m.commands.WithLabelValues(label, "ok"), seconds.WithLabelValues(label)}
	}
	m.registry.MustRegister(m.commands, seconds, m.received, m.sent, m.groups, m.writes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// executed counts a command.
func (m *metrics) executed(verb string, took time.Duration, err error) {
	of := m.verbs[verb]
	of.seconds.Observe(took.Seconds())
	if err == nil {
		of.ok.Inc()
	} else {
		m.commands.WithLabelValues(of.label, verbs.Outcome(err)).Inc()
	}
}

// committed counts a commit of the store.
func (m *metrics) committed(updates int, took time.Duration) {
	m.groups.Observe(float64(updates))
	m.writes.Observe(took.Seconds())
}
