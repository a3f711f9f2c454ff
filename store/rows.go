package store

import "iter"

// Table names a kind of small records that another package owns. The store sees
// bytes.
type Table byte

const (
	Enrollments Table = 'e'
	Codes       Table = 'o'
	Settings    Table = 's'
	LastSeen    Table = 'l' // of enrollments, apart from them because it changes at every login
)

// Row is a record of a table.
type Row struct {
	ID    string
	Value []byte
}

// Row returns a row's value, or ErrNotFound.
func (tx *Tx) Row(t Table, id string) ([]byte, error) {
	value, _, err := tx.get(tableRow(t, id))
	return value, err
}

// PutRow writes a row over whatever was there. value is not to be changed before
// Update returns.
func (tx *Tx) PutRow(t Table, id string, value []byte) error {
	return tx.set(tableRow(t, id), value, 0)
}

// DeleteRow removes a row. One that is not there is no error.
func (tx *Tx) DeleteRow(t Table, id string) error {
	return tx.remove(tableRow(t, id))
}

// Rows yields the rows whose id starts with prefix, by id.
func (tx *Tx) Rows(t Table, prefix string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := tx.scan(tableRow(t, prefix), nil, values, func(p pair) bool {
			return yield(Row{ID: string(p.key[2:]), Value: append([]byte{}, p.value...)}, nil)
		})
		if err != nil {
			yield(Row{}, err)
		}
	}
}

func tableRow(t Table, id string) []byte {
	return row(rowRow, []byte{byte(t)}, []byte(id))
}
