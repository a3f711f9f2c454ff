package main

import (
	"context"
	"fmt"
	"time"

	"atserver/cmd/console"
)

// tally counts what became of records on their way to a server.
type tally struct {
	Written int `json:"written"`
	Same    int `json:"same"`    // were there already
	Kept    int `json:"kept"`    // other content is there, and left alone
	Expired int `json:"expired"` // not worth the way
	Failed  int `json:"failed"`
}

func (t tally) String() string {
	return fmt.Sprintf("%d written, %d there already, %d left alone, %d expired, %d failed", t.Written, t.Same, t.Kept, t.Expired, t.Failed)
}

// carrier brings records to a server, where they keep their dates. What is there
// already is not written again, so that work which broke off goes on when it is
// begun anew. One record that fails stops no other.
type carrier struct {
	tally
	batch *batch
	over  bool // replace what has other content
	there map[string]fingerprint
	say   func(format string, args ...any)
}

// carry makes a carrier to the server of the session. say is told of each record
// that is not what it should be there.
func (s session) carry(ctx context.Context, over bool, say func(string, ...any)) (*carrier, error) {
	there, err := s.fingerprints(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what is there: %w", err)
	}
	c := &carrier{over: over, there: there, say: say}
	c.batch = &batch{s: s, done: func(key string, err error) {
		if err != nil {
			c.fail(key, err)
			return
		}
		c.Written++
	}}
	return c, nil
}

// take brings one record, which came from where. The error is one that ends
// everything.
func (c *carrier) take(ctx context.Context, where string, r record) error {
	key, ok := portableKey(r.Key, c.batch.s.Sign)
	if !ok {
		c.fail(where, fmt.Errorf("%q is no key of %s that can be taken along", r.Key, c.batch.s.Sign))
		return nil
	}
	if r.expired(time.Now()) {
		c.Expired++
		return nil
	}
	mark := r.fingerprint()
	old, exists := c.there[r.Key]
	switch {
	case exists && (old.sameContent(mark) || isPublicKey(key) && old.value == mark.value):
		c.Same++
		return nil
	case exists && (!c.over || isPublicKey(key)):
		c.Kept++
		c.say("%s is left alone: the server has other content there", console.Plain(r.Key))
		return nil
	}
	command, err := r.update(exists)
	if err != nil {
		c.fail(r.Key, err)
		return nil
	}
	c.there[r.Key] = mark
	return c.batch.add(ctx, r.Key, command)
}

// fail counts a record, or a line that should be one, which cannot be brought.
func (c *carrier) fail(where string, err error) {
	c.Failed++
	c.say("%s: %s", console.Plain(where), console.Plain(err.Error()))
}

// end sends what waits and tells whether all went well.
func (c *carrier) end(ctx context.Context) error {
	if err := c.batch.flush(ctx); err != nil {
		return err
	}
	if c.Failed > 0 {
		return fmt.Errorf("not everything could be written, %d failed; the same command tries that again", c.Failed)
	}
	return nil
}
