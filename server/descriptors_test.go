package server

import "testing"

// With the descriptors that a system usually allows, nobody notices. With few,
// every sort of connection has some, and the server most.
func TestDescriptors(t *testing.T) {
	for _, test := range []struct{ limit, used, places, outbound, turnedAway int }{
		{1 << 20, 10, 524_235, 196_588, 131_058},
		{1024, 10, 459, 172, 114},
		{256, 10, 75, 28, 18},
		{128, 10, 16, 6, 4},
		{64, 10, 8, 3, 2},
		{20, 19, 4, 1, 1},
	} {
		got := divide(test.limit, test.used)
		if want := (descriptors{places: test.places, outbound: test.outbound, turnedAway: test.turnedAway}); got != want {
			t.Errorf("%d of which %d are used: got %+v, want %+v", test.limit, test.used, got, want)
		}
		all := got.places + 2*got.outbound + got.turnedAway
		if all > test.limit-test.used-ownDescriptors && all > max(test.limit/4, 8) {
			t.Errorf("%d: connections take %d", test.limit, all)
		}
	}
}

func TestWithin(t *testing.T) {
	asked := Options{MaxConnections: 200, MaxPerAddress: 100, MaxOutbound: 200}
	if got := asked.within(unlimited); got.MaxConnections != 200 || got.MaxPerAddress != 100 || got.MaxOutbound != 200 {
		t.Errorf("without a limit: %+v", got)
	}
	if got := asked.within(divide(128, 10)); got.MaxConnections != 16 || got.MaxPerAddress != 8 || got.MaxOutbound != 6 {
		t.Errorf("with 128: %d, %d, %d", got.MaxConnections, got.MaxPerAddress, got.MaxOutbound)
	}
}
