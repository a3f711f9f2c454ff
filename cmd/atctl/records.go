package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"atserver/enroll/atauth"
)

// portableKeys lists the keys of all that can be taken along and that the keys of
// the session may read. The server does not list what is not born yet.
func (s session) portableKeys(ctx context.Context) (map[string]bool, error) {
	reply, err := s.Ask(ctx, "scan:showHidden:true")
	if err != nil {
		return nil, fmt.Errorf("list the keys: %w", err)
	}
	var names []string
	if err := json.Unmarshal([]byte(reply), &names); err != nil {
		return nil, fmt.Errorf("list the keys: the server sent no list: %w", err)
	}
	keys := make(map[string]bool, len(names))
	for _, name := range names {
		if _, ok := portableKey(name, s.Sign); ok {
			keys[name] = true
		}
	}
	return keys, nil
}

// records reads all that can be taken along, each record once. What changes
// meanwhile is read as it was or as it is. total is told how many there are, about.
//
// The commit log delivers them by the page. What it does not have, because it was
// written without a trace or has just been written again, is looked up by name.
func (s session) records(ctx context.Context, total func(int)) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		missing, err := s.portableKeys(ctx)
		if err != nil {
			yield(record{}, err)
			return
		}
		total(len(missing))
		last, err := s.lastCommit(ctx, "")
		if err != nil {
			yield(record{}, err)
			return
		}
		read := map[string]bool{}
		for page, err := range s.pages(ctx, -1, last, "") {
			if err != nil {
				yield(record{}, err)
				return
			}
			for _, e := range page {
				_, ok := portableKey(e.Key, s.Sign)
				if !ok || read[e.Key] || e.Operation == deleted {
					continue
				}
				read[e.Key] = true
				delete(missing, e.Key)
				r := record{Key: e.Key, Value: e.Value}
				if e.Metadata != nil {
					r.Metadata = *e.Metadata
				}
				if !yield(r, nil) {
					return
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(missing)) {
			r, found, err := s.recordOf(ctx, key)
			if (found || err != nil) && !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// recordOf reads one record. One that has gone meanwhile is not found.
func (s session) recordOf(ctx context.Context, key string) (r record, found bool, err error) {
	reply, err := s.Ask(ctx, "llookup:all:"+key)
	switch {
	case atauth.NotFound(err), err == nil && reply == "null":
		return r, false, nil
	case err == nil:
		r, err = lookedUp(reply)
	}
	if err != nil {
		return r, false, fmt.Errorf("read %s: %w", key, err)
	}
	return r, true, nil
}

// fingerprints reads all records of the session that have not expired, for comparison.
func (s session) fingerprints(ctx context.Context) (map[string]fingerprint, error) {
	prints := map[string]fingerprint{}
	for r, err := range s.records(ctx, func(int) {}) {
		if err != nil {
			return nil, err
		}
		if !r.expired(time.Now()) {
			prints[r.Key] = r.fingerprint()
		}
	}
	return prints, nil
}
