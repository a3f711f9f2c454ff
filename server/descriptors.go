package server

import "math"

// ownDescriptors are kept for the database, above all, which does not survive
// being refused one, and for what else a server opens for itself.
const ownDescriptors = 96

// descriptors are how many of them there are for each sort of connection.
type descriptors struct {
	places, turnedAway int
	outbound           int // of each of the two pools
}

// divide shares out what a limit leaves, or at least a quarter of it: strangers can
// take all places, so these must not be all that there is.
func divide(limit, used int) descriptors {
	rest := max(limit-used-ownDescriptors, limit/4, 8)
	return descriptors{places: rest / 2, outbound: rest * 3 / 16, turnedAway: rest / 8}
}

// unlimited is where the system tells no limit.
var unlimited = descriptors{math.MaxInt, math.MaxInt, math.MaxInt}

// within has the server hold no more connections than it has descriptors for.
func (o Options) within(d descriptors) Options {
	if o.MaxConnections > d.places || o.MaxOutbound > d.outbound {
		o.Log.Warn().Int(fieldCount, min(o.MaxConnections, d.places)).
			Msg("Fewer connections than asked for: the system allows too few open files")
	}
	o.MaxConnections = min(o.MaxConnections, d.places)
	o.MaxPerAddress = min(o.MaxPerAddress, max(d.places/2, 1))
	o.MaxOutbound = min(o.MaxOutbound, d.outbound)
	return o
}
