package enroll

import (
	"fmt"
	"slices"

	"atserver/store"
	"atserver/store/atkey"
)

const (
	blockRow   = "blocklist" // keeps the atSigns that are not let in
	blockWords = "the block list"
)

func readBlocked(tx *store.Tx) (blocked []atkey.Sign, err error) {
	err = readSetting(tx, blockRow, blockWords, &blocked)
	return blocked, err
}

// Blocked returns the atSigns that are not let in, sorted.
func (r *Registry) Blocked() []atkey.Sign { return r.snapshot.Load().blocked }

// IsBlocked tells whether an atSign is not let in.
func (r *Registry) IsBlocked(sign atkey.Sign) bool {
	_, found := slices.BinarySearch(r.snapshot.Load().blocked, sign)
	return found
}

// Block adds to the block list and removes from it. It takes effect for who calls
// next.
func (r *Registry) Block(p Principal, add, remove []atkey.Sign, from string) error {
	return r.change(func(c *change) error {
		blocked := append(slices.Clone(c.old.blocked), add...)
		blocked = slices.DeleteFunc(blocked, func(s atkey.Sign) bool { return slices.Contains(remove, s) })
		slices.Sort(blocked)
		blocked = slices.Compact(blocked)
		if slices.Equal(blocked, c.old.blocked) {
			return nil
		}
		if err := c.putSetting(blockRow, blockWords, blocked); err != nil {
			return err
		}
		c.next.blocked = blocked
		return c.Audit(store.Event{
			Actor: p.Actor(), Action: "config.block", Outcome: "allow", From: from,
			Detail: map[string]string{"added": fmt.Sprint(add), "removed": fmt.Sprint(remove)},
		})
	})
}
