package verbs

import (
	"strings"
	"time"

	"atserver/enroll"
	"atserver/store"
)

type notifyListArgs struct {
	from, to string // dates as they were typed
	pattern  string
}

// notifyList lists what the owner was told, or what another atSign was:
// "notify:list[:from[:to]][:regex]". What follows a blank means nothing.
var notifyList = define(
	Verb{Name: "notify:list", Usage: "e.g. notify:list:2024-10-01:2024-10-31:phone", Who: enroll.Peer | enroll.App},
	func(l *line) (a notifyListArgs, err error) {
		for _, date := range []*string{&a.from, &a.to} {
			if rest, ok := strings.CutPrefix(l.rest, ":"); ok && isDate(rest) {
				*date, l.rest = rest[:len(time.DateOnly)], rest[len(time.DateOnly):]
			}
		}
		if l.take(":") {
			a.pattern = l.word()
		}
		return a, nil
	},
	nothing[notifyListArgs], // what may be seen is asked one by one
	func(c *Call, a notifyListArgs) (Reply, error) {
		after, upTo, err := a.span()
		if err != nil {
			return Reply{}, err
		}
		match, err := newMatcher(c, a.pattern)
		if err != nil {
			return Reply{}, err
		}
		b := []byte{'['}
		err = c.DB.View(func(tx *store.Tx) error {
			listed := c.listed(tx.Now())
			for n, err := range tx.Notifications(after, upTo) {
				if err != nil {
					return err
				}
				if !listed(n) {
					continue
				}
				if ok, err := match.tells(n); err != nil {
					return err
				} else if !ok {
					continue
				}
				if err := c.grow(len(b) + n.Size()); err != nil {
					return err
				}
				if len(b)+n.Size() > c.SyncBytes && len(b) > 1 {
					return &Error{Code: "AT0005", Message: "the list has become too large, ask for a part of it"}
				}
				if err := tx.LoadNotification(&n); err != nil {
					return err
				}
				if len(b) > 1 {
					b = append(b, ',')
				}
				b = AppendNotification(b, n)
			}
			return nil
		})
		if err != nil || len(b) == 1 {
			return text("null"), err
		}
		return Reply{Data: append(b, ']')}, nil
	},
)

// listed returns which notifications the caller is told of: the owner's apps of
// those that came, another atSign of those that are for it.
func (c *Call) listed(now time.Time) func(store.Notification) bool {
	if !c.owner() {
		return func(n store.Notification) bool {
			return n.Type == store.Sent && n.To == c.Principal.Sign && !n.Expired(now)
		}
	}
	told := c.told(c.Principal)
	return func(n store.Notification) bool { return n.Type == store.Received && !n.Expired(now) && told(n) }
}

// tells is matches for a notification: its key or its sender's name.
func (m *matcher) tells(n store.Notification) (bool, error) {
	ok, err := m.matches(n.Key)
	if err != nil || ok {
		return ok, err
	}
	return m.matches(n.From.Bare())
}

// isDate tells whether text begins with something like a date, and a field ends
// behind it.
func isDate(text string) bool {
	if len(text) < len(time.DateOnly) || len(text) > len(time.DateOnly) && text[len(time.DateOnly)] != ':' {
		return false
	}
	for i, c := range []byte(text[:len(time.DateOnly)]) {
		if dash := i == 4 || i == 7; dash != (c == '-') || !dash && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// span is the time that is asked about: whole days.
func (a notifyListArgs) span() (after, upTo time.Time, err error) {
	from, to := time.UnixMilli(0).UTC(), endOfTime
	for _, date := range []struct {
		text string
		into *time.Time
	}{{a.from, &from}, {a.to, &to}} {
		if date.text == "" {
			continue
		}
		if *date.into, err = time.Parse(time.DateOnly, date.text); err != nil {
			return after, upTo, illegal("Invalid date format")
		}
	}
	if a.to != "" && to.Before(from) {
		return after, upTo, illegal("ToDate cannot be less than FromDate")
	}
	if a.to != "" {
		to = to.Add(24*time.Hour + 39*time.Second)
	}
	return from.Add(-time.Millisecond), to, nil
}
