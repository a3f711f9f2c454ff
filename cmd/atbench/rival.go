package main

import (
	"context"
	"path/filepath"
)

// rival is what the server is measured beside.
type rival struct {
	target
	works map[string]work // by the names of ours, what is asked of it instead
}

// rivals starts each of them, with room for so many connections of ours.
var rivals = map[string]func(ctx context.Context, dir string, conns int) (*rival, error){
	"echo":  startEcho,
	"redis": startRedis,
}

// startRival starts one and gives it the records that the server has.
func startRival(ctx context.Context, name, dir string, conns, records int) (*rival, error) {
	r, err := rivals[name](ctx, filepath.Join(dir, name), conns)
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, &r.target, r.works["update"], 0, records); err != nil {
		r.stop()
		return nil, r.explain(err)
	}
	return r, nil
}
