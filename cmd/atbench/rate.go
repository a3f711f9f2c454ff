package main

import (
	"slices"
	"time"
)

// rate compares the server with the echo at one load.
type rate struct {
	Work        string    `json:"work"`
	Connections int       `json:"connections"`
	Ratios      []float64 `json:"ratios"` // of requests a second, one for each pair
	Ratio       spread    `json:"ratio"`
	Atserver    side      `json:"atserver"`
	Echo        side      `json:"echo"`

	atserver, echo cost // of all pairs together
}

// spread is a median and the lowest and highest that was seen.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// side is what one of the two did, for orientation.
type side struct {
	PerSecond float64 `json:"requestsPerSecond"`
	CPU       float64 `json:"cpuMicrosecondsPerRequest"`
}

// add takes a pair in.
func (r *rate) add(atserver, echo cost) {
	r.Ratios = append(r.Ratios, atserver.side().PerSecond/echo.side().PerSecond)
	r.Ratio = spreadOf(r.Ratios)
	r.atserver.add(atserver)
	r.echo.add(echo)
	r.Atserver, r.Echo = r.atserver.side(), r.echo.side()
}

func (c *cost) add(more cost) {
	c.requests += more.requests
	c.elapsed += more.elapsed
	c.cpu += more.cpu
}

func (c cost) side() side {
	return side{
		PerSecond: float64(c.requests) / c.elapsed.Seconds(),
		CPU:       float64(c.cpu) / float64(time.Microsecond) / float64(max(c.requests, 1)),
	}
}

// spreadOf sums up at least one value.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Low: sorted[0], High: sorted[n-1]}
}
