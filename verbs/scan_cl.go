package verbs

import (
	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

var errOthersLog = notAuthenticated("the commit log is for the owner of this atSign only")

// commitLog lists the entries of the commit log that the caller may see and that
// match, deletions included.
func (c *Call) commitLog(hidden bool, match *matcher) ([]byte, error) {
	visible := c.Registry.Visible(c.Principal, enroll.Read)
	b := []byte{'['}
	err := c.DB.View(func(tx *store.Tx) error {
		for entry, err := range tx.Commits(-1) {
			if err != nil {
				return err
			}
			key, err := atkey.Parse(entry.Key)
			if err != nil || !shown(key, hidden) || !visible(key) {
				continue
			}
			ok, err := match.matches(entry.Key)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := c.grow(len(b)); err != nil {
				return err
			}
			if len(b) > 1 {
				b = append(b, ',')
			}
			o := object{b: append(b, '{')}
			o.text("atKey", entry.Key)
			o.text("operation", string(entry.Op))
			o.number("commitId", &entry.ID)
			o.text("opTime", entry.At.UTC().Format(isoLayout))
			b = append(o.b, '}')
		}
		return nil
	})
	return append(b, ']'), err
}
