package enroll

import (
	"encoding/json"
	"errors"
	"fmt"

	"atserver/store"
)

// readSetting reads a row of the settings into a value, which stays as it is when
// there is none. The words say what it is, for errors.
func readSetting(tx *store.Tx, row, words string, into any) error {
	raw, err := tx.Row(store.Settings, row)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", words, err)
	}
	return nil
}

func (c *change) putSetting(row, words string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", words, err)
	}
	return c.PutRow(store.Settings, row, raw)
}
