package store

// Badger writes to files that have no blocks yet, through memory maps: when there
// are none to be had the process is killed, so it must not come to that.
const (
	// reserve is what a commit and the tables made of it may need at most.
	reserve = 64 << 20
	// openReserve is what opening needs at most, for tables made of what the log
	// holds. So who has no room left to write can still read after a restart.
	openReserve = reserve / 2
)

// checkSpace returns ErrNoSpace when fewer bytes are left on the disk under dir.
func checkSpace(dir string, bytes int64) error {
	left, err := room(dir)
	if err == nil && left < bytes {
		err = ErrNoSpace
	}
	return err
}
