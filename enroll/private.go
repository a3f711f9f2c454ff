package enroll

import (
	"strings"

	"atserver/store"
	"atserver/store/atkey"
)

// Every enrollment has a private namespace, "<id>.a.__e". When the enrollment
// may no longer act its records move to "<id>.r.__e" and come back with it; when
// it is gone for good they move to "<id>.d.__e", where only public ones can be
// read. Moves run in bounded steps beside the decision, so that no app can stand
// in the way of its own revocation by writing much.
const (
	privateActive  = "a"
	privateRevoked = "r"
	privateDead    = "d"
)

// moveStep is how many records one transaction moves.
const moveStep = 100

// wanted is where the private namespace of e belongs.
func (e *Enrollment) wanted(status Status) string {
	switch {
	case e.Private == "":
		return "" // it never had one
	case status == Approved:
		return privateActive
	case status == Revoked:
		return privateRevoked
	}
	return privateDead
}

// settle moves the private namespaces of enrollments to where they belong.
func (r *Registry) settle(ids ...string) error {
	for _, id := range ids {
		e, status := r.Get(id)
		if e == nil || e.Private == e.wanted(status) {
			continue
		}
		to := e.wanted(status)
		if err := r.movePrivate(id, e.Private, to); err != nil {
			return err
		}
		if err := r.change(func(c *change) error {
			e := c.old.enrollments[id]
			if e == nil {
				return nil
			}
			e = e.revised()
			e.Private = to
			return c.put(e)
		}); err != nil {
			return err
		}
	}
	return nil
}

// closePrivate moves all that an enrollment kept out of reach for good.
func (r *Registry) closePrivate(id string) error {
	for _, from := range []string{privateActive, privateRevoked} {
		if err := r.movePrivate(id, from, privateDead); err != nil {
			return err
		}
	}
	return nil
}

// movePrivate moves a private namespace, in steps. Devices learn of the moves that may
// be taken back; death leaves no trace in the commit log.
func (r *Registry) movePrivate(id, from, to string) error {
	put, remove := store.OpUpdateAll, store.OpDelete
	if to == privateDead {
		put, remove = store.Silent, store.Silent
	}
	old, fresh := "."+id+"."+from+"."+enrollmentData, "."+id+"."+to+"."+enrollmentData
	for more := true; more; {
		err := r.db.Update(func(tx *store.Tx) error {
			var keys []atkey.Key
			for entry, err := range tx.Keys(store.Filter{Namespaces: []string{old[1:]}}) {
				if err != nil {
					return err
				}
				if keys = append(keys, entry.Key); len(keys) == moveStep {
					break
				}
			}
			more = len(keys) == moveStep
			for _, k := range keys {
				record, err := tx.Get(k)
				if err != nil {
					return err
				}
				record.Key.Name = strings.TrimSuffix(k.Name, old) + fresh
				if _, err := tx.Put(record, put, "server"); err != nil {
					return err
				}
				if _, _, err := tx.Delete(k, remove, "server"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// publishApsk makes the key by which others check what an app signs readable.
func (c *change) publishApsk(e *Enrollment) error {
	value := []byte(e.ApskLegacy)
	if len(e.Apsk) > 0 {
		value = e.Apsk
	}
	if len(value) == 0 {
		return nil
	}
	owner := c.sign
	now := c.Now()
	_, err := c.Put(store.Record{
		Key:   atkey.Key{Scope: atkey.Public, Name: "_apsk." + e.ID + "." + privateActive + "." + enrollmentData, Owner: owner},
		Value: value,
		Meta:  store.Meta{CreatedBy: owner, UpdatedBy: owner, CreatedAt: now, UpdatedAt: now},
	}, store.OpUpdateAll, e.ID)
	return err
}
