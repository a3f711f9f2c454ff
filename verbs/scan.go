package verbs

import (
	"iter"
	"slices"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

type scanArgs struct {
	commits bool // list the commit log instead
	hidden  bool
	of      string // atSign whose keys are wanted, "" for this server's
	pattern string
}

// scan lists the keys that the caller may see:
// "scan[:cl][:showhidden:b][:@sign][:page:n][ regex]". The expression is searched in
// the full key, in ECMAScript's dialect.
var scan = define(
	Verb{Name: "scan", Usage: "scan", Bare: true, Who: enroll.Anonymous | enroll.Peer | enroll.App},
	func(l *line) (a scanArgs, err error) {
		l.rest, a.pattern, _ = strings.Cut(l.rest, " ")
		a.pattern = strings.TrimSpace(a.pattern)
		if strings.ContainsAny(a.pattern, " \t") {
			return a, errSyntax
		}
		a.commits = l.take(":cl")
		if l.take(":showhidden:") {
			if a.hidden = l.take("true"); !a.hidden && !l.take("false") {
				return a, errSyntax
			}
		}
		if strings.HasPrefix(l.rest, ":@") {
			sign := l.rest[1:]
			if i := strings.IndexByte(sign, ':'); i >= 0 {
				sign = sign[:i]
			}
			l.rest, a.of = l.rest[1+len(sign):], sign
			if len(sign) < 2 || strings.ContainsFunc(sign[1:], isBreak) {
				return a, errSyntax
			}
		}
		if l.take(":page:") { // accepted and without effect, as ever
			if l.end() || strings.Trim(l.all(), "0123456789") != "" {
				return a, errSyntax
			}
		}
		if !l.end() {
			return a, errSyntax
		}
		return a, nil
	},
	nothing[scanArgs], // what may be seen is asked key by key
	func(c *Call, a scanArgs) (Reply, error) {
		if a.of != "" {
			of, err := atkey.ParseSign(a.of)
			switch {
			case err != nil:
				return Reply{}, err
			case a.commits && of != c.Env.Sign:
				return Reply{}, errOthersLog
			case of != c.Env.Sign && !c.owner():
				return Reply{}, notAuthenticated("Scan to another atSign cannot be performed without auth")
			case of != c.Env.Sign && !a.commits:
				return c.scanOther(of, a.pattern)
			}
		}
		match, err := newMatcher(c, a.pattern)
		if err != nil {
			return Reply{}, err
		}
		if a.commits {
			if !c.owner() {
				return Reply{}, errOthersLog
			}
			log, err := c.commitLog(a.hidden, match)
			return Reply{Data: log}, err
		}
		names, err := c.list(a.hidden, match)
		if err != nil {
			return Reply{}, err
		}
		return Reply{Data: appendNames(make([]byte, 0, 64*len(names)+2), names)}, nil
	},
)

// scanOther relays what the server of another atSign lists for the owner.
func (c *Call) scanOther(of atkey.Sign, pattern string) (Reply, error) {
	line := "scan"
	if pattern != "" {
		line += " " + pattern
	}
	c.sendReady()
	names, err := c.Peers.Ask(c, of, true, line)
	if err == nil {
		err = c.gather(len(names))
	}
	return text(names), err
}

// list returns the keys that the caller may see and that match, sorted, the way
// the caller calls them: without the prefix that is the same for all.
func (c *Call) list(hidden bool, match *matcher) ([]string, error) {
	cut := ""
	switch c.Principal.Kind {
	case enroll.Anonymous:
		cut = "public:"
	case enroll.Peer:
		cut = string(c.Principal.Sign) + ":"
	}
	visible := c.Registry.Visible(c.Principal, enroll.Read)
	names, size := []string{}, 0
	err := c.DB.View(func(tx *store.Tx) error {
		for entry, err := range c.entries(tx) {
			if err != nil {
				return err
			}
			if entry.State(tx.Now()) != store.Active || !shown(entry.Key, hidden && c.owner()) || !visible(entry.Key) {
				continue
			}
			name := entry.Key.String()
			ok, err := match.matches(name)
			if ok {
				names = append(names, strings.TrimPrefix(name, cut))
				size += len(name)
				err = c.grow(size)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// entries yields the keys among which those are that the caller may see. An app
// that may read in a few namespaces costs what is in them, not what is in all.
func (c *Call) entries(tx *store.Tx) iter.Seq2[store.Entry, error] {
	no, yes := false, true
	filters := []store.Filter{{}}
	switch c.Principal.Kind {
	case enroll.Anonymous:
		filters = []store.Filter{{Scopes: []atkey.Scope{atkey.Public}, Cached: &no}}
	case enroll.Peer:
		filters = []store.Filter{{SharedWith: c.Principal.Sign, Cached: &no}}
	default:
		if namespaces, all := c.Registry.Namespaces(c.Principal); !all {
			filters = []store.Filter{
				{Scopes: []atkey.Scope{atkey.Public}},
				{Scopes: []atkey.Scope{atkey.Self, atkey.Shared, atkey.Private, atkey.Local}, Namespaces: namespaces, Pairs: &no},
				{Pairs: &yes},
			}
		}
	}
	return func(yield func(store.Entry, error) bool) {
		for _, f := range filters {
			for entry, err := range tx.Keys(f) {
				if !yield(entry, err) {
					return
				}
			}
		}
	}
}

// shown tells whether a listing shows a key at all.
func shown(k atkey.Key, hidden bool) bool {
	return !k.Internal() && (hidden || !k.Hidden())
}
