package main_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"atserver/verbs/wire"
)

// said is something that an app of @alice's did, of which @bob is to be told.
type said struct {
	command string
	mark    string // by which it is known when it is heard; "": it never is
	id      string // of a notification by the app
	key     string // of a record that is written,
	value   string // with this
	deleted string // mark of the deletion of that record, if there was one
	acked   bool
}

// speaker is an app of @alice's, which remembers all that it did.
type speaker struct {
	name   string
	random *rand.Rand
	home   *relayed
	conn   *wire.Conn // nil: lost
	said   []*said
}

// next makes something up: a notification, for @bob or for nobody, or a change of a record that is shared with @bob. Each
// record is written once, and deleted once if that was acknowledged.
func (s *speaker) next() *said {
	name := fmt.Sprintf("%s-%d", s.name, len(s.said))
	switch p := s.random.IntN(100); {
	case p < 2:
		return &said{id: name, command: "notify:id:" + name + ":@nobody:note.wavi@alice:" + name}
	case p < 50:
		return &said{id: name, mark: "id " + name + " " + name, command: "notify:id:" + name + ":@bob:note.wavi@alice:" + name}
	case p < 70 && len(s.said) > 0:
		if old := s.said[s.random.IntN(len(s.said))]; old.key != "" && old.acked && old.deleted == "" {
			old.deleted = "delete " + old.key + " "
			return &said{mark: old.deleted, command: "delete:" + old.key}
		}
	}
	key := "@bob:" + name + ".wavi@alice"
	return &said{key: key, value: name, mark: "update " + key + " " + name, command: "update:ttr:-1:ccd:true:" + key + " " + name}
}

// speak does one thing. Where a notification was not acknowledged nobody knows whether it is kept: it is sent again, by the
// same id, until it is acknowledged.
func (s *speaker) speak(ctx context.Context) error {
	what := s.next()
	s.said = append(s.said, what)
	for {
		err := s.try(ctx, what)
		var refused *wire.Error
		switch {
		case err == nil:
			what.acked = true
			return nil
		case errors.As(err, &refused), ctx.Err() != nil:
			return fmt.Errorf("%s: %w", what.command, err)
		case what.id == "":
			return nil
		}
	}
}

func (s *speaker) try(ctx context.Context, what *said) (err error) {
	if s.conn == nil {
		if s.conn, err = s.home.client(ctx, nil); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err = s.conn.Ask(ctx, what.command); err != nil {
		s.conn.Close()
		s.conn = nil
	}
	return err
}

// wantHeard compares what was said with what was heard, and with what both servers have. It returns how much was heard.
func (s *speaker) wantHeard(t *testing.T, alice, bob *wire.Conn, ear *ear) (heard int) {
	t.Helper()
	before := -1
	for _, what := range s.said {
		if what.mark == "" {
			eventually(t, func() bool { return answer(t, alice, "notify:status:"+what.id) == "errored" })
			continue
		}
		if what.id != "" {
			ask(t, alice, "notify:status:"+what.id, "delivered")
		}
		places := ear.places[what.mark]
		if len(places) > 1 || len(places) == 0 && what.acked {
			t.Errorf("%s was heard %d times, acknowledged: %v", what.mark, len(places), what.acked)
			continue
		}
		for _, place := range places {
			if place < before {
				t.Errorf("%s was heard as number %d, what was said before as number %d", what.mark, place, before)
			}
			before = place
		}
		heard += len(places)
		if what.key == "" {
			continue
		}
		want := "AT0015" // there is no record where nobody was told of one, and no copy
		if len(places) == 1 && len(ear.places[what.deleted]) == 0 {
			want = what.value
		}
		ask(t, alice, "llookup:"+what.key, want)
		ask(t, bob, "llookup:cached:"+what.key, want)
	}
	return heard
}
