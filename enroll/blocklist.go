package enroll

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"atserver/store"
	"atserver/store/atkey"
)

// blockRow keeps the atSigns that are not let in.
const blockRow = "blocklist"

func readBlocked(tx *store.Tx) ([]atkey.Sign, error) {
	var blocked []atkey.Sign
	raw, err := tx.Row(store.Settings, blockRow)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &blocked)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the block list: %w", err)
	}
	return blocked, nil
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
		raw, err := json.Marshal(blocked)
		if err != nil {
			return err
		}
		if err := c.PutRow(store.Settings, blockRow, raw); err != nil {
			return err
		}
		c.next.blocked = blocked
		return c.Audit(store.Event{
			Actor: p.Actor(), Action: "config.block", Outcome: "allow", From: from,
			Detail: map[string]string{"added": fmt.Sprint(add), "removed": fmt.Sprint(remove)},
		})
	})
}
