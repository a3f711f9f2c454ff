package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// notification is one as lists and monitors tell of it.
type notification struct {
	ID          string
	From, To    string
	Key         string // with Text: the text, behind "@to:"
	Value       *string
	Operation   string // update, delete
	EpochMillis int64
	MessageType string
	IsEncrypted bool
	Metadata    map[string]json.RawMessage

	raw json.RawMessage
}

// statsID is that of a line which tells of a change in the server, and of nothing
// that anybody sent.
const statsID = "-1"

// UnmarshalJSON also keeps what was read.
func (n *notification) UnmarshalJSON(text []byte) error {
	type plain notification
	if err := json.Unmarshal(text, (*plain)(n)); err != nil {
		return err
	}
	n.raw = bytes.Clone(text)
	return nil
}

func (n notification) isText() bool { return strings.Contains(strings.ToLower(n.MessageType), "text") }

// plain returns what a notification says in the clear: its value, or its text. nil
// means that there is none, or that these keys do not open it. The error is one of the
// connection, on which keys are looked up.
func (s session) plain(ctx context.Context, n notification) ([]byte, error) {
	if n.isText() {
		if n.IsEncrypted {
			return nil, nil
		}
		return []byte(strings.TrimPrefix(n.Key, n.To+":")), nil
	}
	key, err := atkey.Parse(n.Key)
	if err != nil || n.Value == nil || isSharedKey(key) {
		return nil, nil
	}
	if !n.IsEncrypted {
		return []byte(*n.Value), nil
	}
	r, err := n.sealed()
	if err != nil {
		return nil, nil
	}
	value, err := s.open(ctx, key, r)
	switch {
	case err == nil:
		return append([]byte{}, value...), nil
	case errors.As(err, new(*wire.Error)) || ctx.Err() == nil && !atauth.Unreached(err) && !errors.Is(err, wire.ErrUnexpected):
		return nil, nil // which is no fault of the notification
	}
	return nil, err
}

// sealed is the record that a notification tells of, as its keys open it.
func (n notification) sealed() (atauth.Record, error) {
	meta := map[string]json.RawMessage{}
	for name, value := range n.Metadata {
		meta[name] = value
	}
	meta["isEncrypted"] = json.RawMessage("true")
	text, err := json.Marshal(meta)
	return atauth.Record{Key: n.Key, Data: n.Value, Meta: text}, err
}

// withPlain is the notification as it came, and what it says in the clear.
func (n notification) withPlain(plain []byte) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := json.Compact(&out, n.raw); err != nil {
		return nil, err
	}
	if plain == nil || !utf8.Valid(plain) {
		return out.Bytes(), nil
	}
	text, err := marshal(string(plain))
	if err != nil {
		return nil, err
	}
	out.Truncate(out.Len() - len("}"))
	fmt.Fprintf(&out, `,"plain":%s}`, text)
	return out.Bytes(), nil
}

// cells are what a person is shown of it: when it came, from whom, of what key, and
// what it says.
func (n notification) cells(plain []byte) []string {
	name, says := n.Key, string(plain)
	if key, err := atkey.Parse(n.Key); err == nil && string(key.Owner) == n.From && (key.Scope == atkey.Shared || key.Scope == atkey.Public) {
		name = key.Name
	}
	switch {
	case n.isText():
		name = "(text)"
	case n.Operation == "delete":
		says = "(deleted)"
	case plain == nil && n.Value != nil:
		says = "(encrypted)"
	}
	return []string{time.UnixMilli(n.EpochMillis).Format(time.DateTime), n.From, name, says}
}

// oneLine is the cells in one line, whatever is in them.
func oneLine(cells []string) string {
	for i, cell := range cells {
		cells[i] = console.Plain(cell)
	}
	return strings.TrimRight(strings.Join(cells, "  "), " ")
}
