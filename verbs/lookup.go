package verbs

import (
	"errors"
	"strings"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

type lookupArgs struct {
	op          op
	bypassCache bool
	name, owner string
}

// lookup reads what the caller may see of an atSign's records by their short
// name: "lookup:[bypassCache:b:][meta:|all:]name@owner". Whose copy is read
// depends on who asks, and there is no second try:
//
//	anybody     public:name@owner
//	@bob        @bob:name@owner
//	the owner   @me:name@me
//
// The owner may name another owner: that is @me:name@other, a fresh copy of it or
// the record itself from the server of the other one.
var lookup = define(
	Verb{Name: "lookup", Usage: "e.g lookup:location@bob", Who: enroll.Anonymous | enroll.Peer | enroll.App},
	(*line).lookup,
	func(c *Call, a lookupArgs) []enroll.Need {
		if k, _ := atkey.Parse(a.prefixed(c)); k != (atkey.Key{}) {
			return []enroll.Need{enroll.ToRead(k)}
		}
		return nil
	},
	func(c *Call, a lookupArgs) (Reply, error) {
		owner, err := atkey.ParseSign(a.owner)
		if err != nil {
			return Reply{}, err
		}
		typed := a.prefixed(c)
		k, _ := atkey.Parse(typed)
		if c.owner() && owner != c.Env.Sign && k != (atkey.Key{}) {
			return c.remote(k, a.bypassCache, a.op)
		}
		reply, err := c.lookUp(k, strings.ToLower(typed), a.op)
		if k.Name != "" && (c.owner() || err == nil && !strings.HasPrefix(k.Name, "_")) {
			c.Accesses.note(owner, "lookup", k.Name+string(owner))
		}
		return reply, err
	},
)

// lookup consumes "[:bypassCache:b][:meta|:all]:name@owner".
func (l *line) lookup() (a lookupArgs, err error) {
	if !l.take(":") {
		return a, errSyntax
	}
	if l.take("bypassCache:") {
		if a.bypassCache = l.take("true:"); !a.bypassCache && !l.take("false:") {
			return a, errSyntax
		}
	}
	a.op = l.op()
	var ok bool
	if a.name, a.owner, ok = cutOwner(l.all()); !ok {
		return a, errSyntax
	}
	return a, nil
}

// A record whose value is "atsign://name@owner" stands for another one.
const (
	reference     = "atsign://"
	maxReferences = 3 // how many are followed one after the other
)

// lookUp answers with a record, or with what it refers to.
func (c *Call) lookUp(k atkey.Key, typed string, o op) (Reply, error) {
	r, now, err := c.find(k, typed)
	if err != nil {
		return Reply{}, err
	}
	if o != opMeta && r.Meta.State(now) == store.Active {
		if r.Value, err = c.follow(r.Value); err != nil {
			return Reply{}, err
		}
	}
	return record(r, o, now), nil
}

// follow resolves references as the caller sees records: what it may not look up
// by name it does not get by reference. A chain that is too long ends in nothing.
func (c *Call) follow(value []byte) ([]byte, error) {
	for range maxReferences {
		name, refers := strings.CutPrefix(string(value), reference)
		key, owner, ok := cutOwner(name)
		if !refers || !ok {
			return value, nil
		}
		var err error
		if value, err = c.referred(lookupArgs{name: key, owner: owner}); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(string(value), reference) {
		return nil, nil
	}
	return value, nil
}

// referred reads what a reference names: the caller's own copy, else the public
// one.
func (c *Call) referred(a lookupArgs) ([]byte, error) {
	own := a.prefixed(c)
	for _, full := range []string{own, "public:" + a.name + "@" + a.owner} {
		k, _ := atkey.Parse(full)
		if k == (atkey.Key{}) || c.Registry.Authorize(c.Principal, enroll.ToRead(k)) != nil {
			continue
		}
		r, now, err := c.find(k, full)
		var missing *Error
		switch {
		case err == nil && r.Meta.State(now) != store.Active:
			return nil, nil
		case err == nil:
			return r.Value, nil
		case !errors.As(err, &missing):
			return nil, err
		}
	}
	return nil, notFound(own)
}

// prefixed is the full name of the copy that the caller may read.
func (a lookupArgs) prefixed(c *Call) string {
	name := a.name + "@" + a.owner
	if c.Principal.Kind == enroll.Anonymous {
		return "public:" + name
	}
	return string(c.Principal.Sign) + ":" + name
}
