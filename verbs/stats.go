package verbs

import (
	"errors"
	"strconv"
	"strings"

	"atserver/enroll"
	"atserver/store"
)

type statsArgs struct {
	ids     []int  // empty: all
	pattern string // for those that look at the commit log
}

// stats tells figures about the server: "stats[:id[,id]...][:regex]". The
// expression may stand behind 3 and 15 only.
var stats = define(
	Verb{Name: "stats", Usage: "stats:1,2,3", Bare: true, Who: enroll.App},
	func(l *line) (a statsArgs, err error) {
		if l.end() {
			return a, nil
		}
		if !l.take(":") {
			return a, errSyntax
		}
		ids, pattern, found := strings.Cut(l.all(), ":")
		if found && (pattern == "" || ids != "3" && ids != "15") || strings.HasPrefix(ids, "0") {
			return a, errSyntax
		}
		a.pattern = pattern
		for text := range strings.SplitSeq(ids, ",") {
			id, err := strconv.ParseUint(text, 10, 31)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return a, errSyntax
			}
			if err != nil || id == 0 || int(id) > len(figures) {
				return a, syntaxError("No metric with ID " + text)
			}
			a.ids = append(a.ids, int(id))
		}
		return a, nil
	},
	nothing[statsArgs], // what may be seen is asked key by key
	func(c *Call, a statsArgs) (Reply, error) {
		if len(a.ids) == 0 {
			for i := range figures {
				a.ids = append(a.ids, i+1)
			}
		}
		log, err := c.changes(a.pattern)
		if err != nil {
			return Reply{}, err
		}
		b := []byte(" [") // clients of this verb expect the blank
		told := make([]bool, len(figures)+1)
		err = c.DB.View(func(tx *store.Tx) error {
			s := survey{Call: c, tx: tx, log: log}
			for _, id := range a.ids {
				if told[id] {
					continue
				}
				if told[id] = true; len(b) > 2 {
					b = append(b, ", "...)
				}
				if b, err = s.append(b, id); err != nil {
					return err
				}
			}
			return nil
		})
		return Reply{Data: append(b, ']')}, err
	},
)

// figure is one of the statistics. Its id is its place in the table, from 1 on.
type figure struct {
	name  string
	value func(*survey) ([]byte, error) // JSON
}

// survey is what figures are taken from.
type survey struct {
	*Call
	tx  *store.Tx
	log *changes
}

// append renders a figure.
func (s *survey) append(b []byte, id int) ([]byte, error) {
	f := figures[id-1]
	value, err := f.value(s)
	if err != nil {
		return b, err
	}
	o := object{b: append(b, '{')}
	o.text("id", strconv.Itoa(id))
	o.text("name", f.name)
	o.json("value", value)
	return append(o.b, '}'), nil
}
