package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"atserver/verbs/wire"
)

const (
	batchCount = 100     // commands
	batchBytes = 1 << 20 // a longer command travels alone
)

// batch sends updates many at a time. What becomes of each goes to done, in order;
// an error that ends everything is returned instead.
type batch struct {
	s    session
	done func(key string, err error)

	keys     []string
	commands []string
	size     int
}

// add sends the command, now or with those that come.
func (b *batch) add(ctx context.Context, key, command string) error {
	if len(b.keys) == batchCount || b.size+len(command) > batchBytes {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.keys, b.commands, b.size = append(b.keys, key), append(b.commands, command), b.size+len(command)
	return nil
}

// flush sends what waits. What fails is sent again by itself: only then the server
// tells why.
func (b *batch) flush(ctx context.Context) error {
	keys, commands := b.keys, b.commands
	b.keys, b.commands, b.size = nil, nil, 0
	succeeded := make([]bool, len(keys))
	if len(keys) > 1 {
		if err := b.ask(ctx, commands, succeeded); err != nil && !errors.As(err, new(*wire.Error)) {
			return fmt.Errorf("write a batch: %w", err)
		}
	}
	for i, key := range keys {
		if succeeded[i] {
			b.done(key, nil)
			continue
		}
		reply, err := b.s.Ask(ctx, commands[i])
		switch {
		case err == nil && !isCommitID(reply):
			err = errNotStored
		case err != nil && !errors.As(err, new(*wire.Error)) && !errors.Is(err, wire.ErrLineTooLong):
			return fmt.Errorf("write %s: %w", key, err)
		}
		b.done(key, err)
	}
	return nil
}

type batchElement struct {
	ID      int    `json:"id"`
	Command string `json:"command"`
}

var errNotStored = errors.New("the server did not store it, and does not say why")

// ask sends the commands as one and tells which of them succeeded. Old servers leave
// out of their answer what they do not understand.
func (b *batch) ask(ctx context.Context, commands []string, succeeded []bool) error {
	elements := make([]batchElement, len(commands))
	for i, command := range commands {
		elements[i] = batchElement{i, command}
	}
	line, err := marshal(elements)
	if err != nil {
		return err
	}
	reply, err := b.s.Ask(ctx, "batch:"+string(line))
	if err != nil {
		return err
	}
	var answers []struct {
		ID       int
		Response struct {
			Data any // absent after an error
		}
	}
	if json.Unmarshal([]byte(reply), &answers) != nil {
		return wire.ErrUnexpected
	}
	for _, a := range answers {
		if a.ID >= 0 && a.ID < len(succeeded) {
			succeeded[a.ID] = isCommitID(fmt.Sprint(a.Response.Data))
		}
	}
	return nil
}

// isCommitID tells the answer to an update that was stored. Old servers say null
// when they could not do it.
func isCommitID(reply string) bool {
	_, err := strconv.ParseInt(strings.TrimSpace(reply), 10, 64)
	return err == nil
}
